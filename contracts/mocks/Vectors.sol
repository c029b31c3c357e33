// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Certificate, Range} from "../src/Certificate.sol";

/// The arithmetic of the certificate way, one function each, so that it can be compared with the committed vectors.
contract Vectors {
    function rid(bytes32 dealid, uint256 first, uint256 count) external pure returns (bytes32) {
        return Certificate.range(dealid, first, count).rid;
    }

    function leaf(bytes32 taskid, bytes32 digest, uint8 codec, bytes32 content) external pure returns (bytes32) {
        return Certificate.leaf(taskid, digest, codec, content);
    }

    function value(bytes32 root, bytes32 link) external pure returns (bytes32) {
        return Certificate.value(root, link);
    }

    function resultHash(bytes32 rid_, bytes32 voted) external pure returns (bytes32) {
        return Certificate.resultHash(rid_, voted);
    }

    function seal(address worker, bytes32 rid_, bytes32 voted) external pure returns (bytes32) {
        return Certificate.seal(worker, rid_, voted);
    }

    function evidence(uint8 way, bytes32 root, bytes32 link, bytes32 delivery, bytes calldata members)
        external
        pure
        returns (bytes25)
    {
        return bytes25(Certificate.evidence(way, root, link, delivery, members));
    }

    function commitment(bytes32 dealid, uint256 first, uint256 count, address enclave, bytes32 seal_)
        external
        view
        returns (bytes32)
    {
        return Certificate.commitment(Certificate.range(dealid, first, count), enclave, seal_);
    }

    function assignment(bytes32 dealid, uint256 first, uint256 count, address worker, bytes32 sealed_)
        external
        view
        returns (bytes32)
    {
        return Certificate.assignment(Certificate.range(dealid, first, count), worker, sealed_);
    }

    function unbonding(address workerpool, uint256 amount, uint256 nonce, uint256 deadline)
        external
        view
        returns (bytes32)
    {
        return Certificate.unbonding(workerpool, amount, nonce, deadline);
    }

    function signedBy(address account, bytes32 digest, bytes calldata sign) external pure returns (bool) {
        return Certificate.signedBy(account, digest, sign);
    }

    function credible(uint256 p, uint256 q, uint256 trust) external pure returns (bool) {
        return Certificate.credible(p, q, trust);
    }

    function weight(uint256 score) external pure returns (uint256) {
        return Certificate.weight(score);
    }
}
