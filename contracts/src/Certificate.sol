// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {DISPUTE_TRUST, NEWCOMERS_WEIGHT} from "./Rules.sol";
import {OrderHash} from "./OrderHash.sol";

/// `count` tasks of a deal from `first` on. A range of one is known by its task's id.
struct Range {
    bytes32 dealid;
    uint256 first;
    uint256 count;
    bytes32 firstTask; // id of the first task: the key of its record
    bytes32 rid;
}

/// What is hashed and signed in the certificate way, and the rule by which votes reach trust.
library Certificate {
    bytes32 private constant COMMITMENT_TYPE =
        keccak256("Commitment(bytes32 dealid,uint256 first,uint256 count,address enclave,bytes32 seal)");
    bytes32 private constant ASSIGNMENT_TYPE =
        keccak256("Assignment(bytes32 dealid,uint256 first,uint256 count,address worker,bytes32 sealed)");
    bytes32 private constant UNBOND_TYPE =
        keccak256("Unbond(address workerpool,uint256 amount,uint256 nonce,uint256 deadline)");

    function range(bytes32 dealid, uint256 first, uint256 count) internal pure returns (Range memory r) {
        r.dealid = dealid;
        r.first = first;
        r.count = count;
        r.firstTask = task(dealid, first);
        r.rid = count == 1 ? r.firstTask : keccak256(abi.encode(dealid, first, count));
    }

    function task(bytes32 dealid, uint256 index) internal pure returns (bytes32) {
        return keccak256(abi.encode(dealid, index));
    }

    /// The leaf of a task: its result's digest and the CID (codec and sha2-256) of its canonical archive.
    function leaf(bytes32 taskid, bytes32 digest, uint8 codec, bytes32 content) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(0), taskid, digest, codec, content));
    }

    /// What is voted on: the root of the range's leaves, and the directory of its results.
    function value(bytes32 root, bytes32 link) internal pure returns (bytes32) {
        return keccak256(abi.encode(root, link));
    }

    function resultHash(bytes32 rid, bytes32 voted) internal pure returns (bytes32) {
        return keccak256(abi.encode(rid, voted));
    }

    function seal(address worker, bytes32 rid, bytes32 voted) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(worker, rid, voted));
    }

    function evidence(uint8 way, bytes32 root, bytes32 link, bytes32 delivery, bytes memory members)
        internal
        pure
        returns (uint200)
    {
        return uint200(bytes25(keccak256(abi.encodePacked(way, root, link, delivery, keccak256(members)))));
    }

    function commitment(Range memory r, address enclave, bytes32 seal_) internal view returns (bytes32) {
        return _typed(keccak256(abi.encode(COMMITMENT_TYPE, r.dealid, r.first, r.count, enclave, seal_)));
    }

    /// The scheduler's word that it will account for the vote whose signature hashes to `sealed_`.
    function assignment(Range memory r, address worker, bytes32 sealed_) internal view returns (bytes32) {
        return _typed(keccak256(abi.encode(ASSIGNMENT_TYPE, r.dealid, r.first, r.count, worker, sealed_)));
    }

    function unbonding(address workerpool, uint256 amount, uint256 nonce, uint256 deadline)
        internal
        view
        returns (bytes32)
    {
        return _typed(keccak256(abi.encode(UNBOND_TYPE, workerpool, amount, nonce, deadline)));
    }

    /// Whether the key of `account` signed. Only the 64 bytes of EIP-2098 with a low `s` are a signature, so that each
    /// has one encoding; nobody asks the account's code, so that it stays valid.
    function signedBy(address account, bytes32 digest, bytes32 r, bytes32 vs) internal pure returns (bool) {
        (address signer,,) = ECDSA.tryRecover(digest, r, vs);
        return signer == account && signer != address(0);
    }

    function signedBy(address account, bytes32 digest, bytes calldata sign) internal pure returns (bool) {
        return sign.length == 64 && signedBy(account, digest, bytes32(sign[:32]), bytes32(sign[32:]));
    }

    /// Whether winners that weigh `p` in all are believed at this trust against others that weigh `q`.
    function credible(uint256 p, uint256 q, uint256 trust) internal pure returns (bool) {
        return p > 1 && p * trust > (1 + p + (q > 1 ? q : 0)) * (trust - 1);
    }

    /// In a dispute all weigh alike, and trust has a floor.
    function disputed(uint256 winners, uint256 others, uint256 trust)
        internal
        pure
        returns (uint256 p, uint256 q, uint256 asked)
    {
        return (NEWCOMERS_WEIGHT ** winners, NEWCOMERS_WEIGHT ** others, Math.max(trust, DISPUTE_TRUST));
    }

    /// 2 to 10.
    function weight(uint256 score) internal pure returns (uint256) {
        return NEWCOMERS_WEIGHT + score / 4;
    }

    function _typed(bytes32 structHash) private view returns (bytes32) {
        return OrderHash.typed(OrderHash.domainSeparator(), structHash);
    }
}
