// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Deal} from "./Types.sol";

/// What the hub needs of a deal to run its tasks: everything but the words for the workers.
/// `price` is of one task.
struct Terms {
    bytes32 dealid;
    address app;
    uint256 appPrice;
    address appOwner;
    uint256 startTime;
    uint256 timeref;
    uint256 schedulerRewardRatio;
    address workerpool;
    uint256 workerpoolPrice;
    address scheduler;
    uint256 workerStake;
    address requester;
    uint256 trust;
    address dataset;
    uint256 datasetPrice;
    address datasetOwner;
    uint256 botFirst;
    uint256 botSize;
    uint256 category;
    bytes32 tag;
    address sponsor;
    address beneficiary;
    address callback;
    bool marked;
}

/// A deal as a blob. It never changes once made, and every step of each of its tasks reads it.
///
/// Twelve words, then the params. Two fields share a word, an address above a number. What is often zero
/// stands last, so that a deal without params can leave its trailing zeros out: code reads as zeros past its end.
///
/// A price and a stake have 96 bits (the token's whole supply has 57), trust too; an index and a time have 40, a
/// category 16. `encode` refuses what does not fit.
library DealCode {
    using SafeCast for uint256;

    uint256 private constant WORDS = 12;

    function encode(Terms memory t, string memory params) internal pure returns (bytes memory data) {
        (t.botFirst + t.botSize).toUint40(); // so that an index fits too
        uint256[WORDS] memory w;
        w[0] = uint256(t.dealid);
        w[1] = _join(t.app, t.appPrice.toUint96());
        w[2] = _join(
            t.appOwner,
            uint96(t.startTime.toUint40()) | (uint96(t.timeref.toUint40()) << 40)
                | (uint96(t.schedulerRewardRatio.toUint8()) << 80)
                | (uint96(t.marked ? 1 : 0) << 88)
        );
        w[3] = _join(t.workerpool, t.workerpoolPrice.toUint96());
        w[4] = _join(t.scheduler, t.workerStake.toUint96());
        w[5] = _join(t.requester, t.trust.toUint96());
        w[6] = _join(
            t.datasetOwner,
            uint96(t.botFirst.toUint40()) | (uint96(t.botSize.toUint40()) << 40) | (uint96(t.category.toUint16()) << 80)
        );
        w[7] = _join(t.dataset, t.datasetPrice.toUint96());
        w[8] = uint256(t.tag);
        w[9] = _join(t.sponsor == t.requester ? address(0) : t.sponsor, 0);
        w[10] = _join(t.beneficiary, 0);
        w[11] = _join(t.callback, 0);

        data = abi.encodePacked(w, params);
        if (bytes(params).length == 0) {
            uint256 used = WORDS;
            while (w[used - 1] == 0) used--; // ends at the latest at the deal id
            assembly ("memory-safe") {
                mstore(data, shl(5, used))
            }
        }
    }

    /// Zeros when there is no code at `blob`: then `startTime` and `botSize` are zero.
    function terms(address blob) internal view returns (Terms memory t) {
        uint256[WORDS] memory w;
        assembly ("memory-safe") {
            extcodecopy(blob, w, 1, mul(32, WORDS))
        }
        t.dealid = bytes32(w[0]);
        (t.app, t.appPrice) = _split(w[1]);
        uint256 packed;
        (t.appOwner, packed) = _split(w[2]);
        t.startTime = uint40(packed);
        t.timeref = uint40(packed >> 40);
        t.schedulerRewardRatio = uint8(packed >> 80);
        t.marked = packed >> 88 != 0;
        (t.workerpool, t.workerpoolPrice) = _split(w[3]);
        (t.scheduler, t.workerStake) = _split(w[4]);
        (t.requester, t.trust) = _split(w[5]);
        (t.datasetOwner, packed) = _split(w[6]);
        t.botFirst = uint40(packed);
        t.botSize = uint40(packed >> 40);
        t.category = packed >> 80;
        (t.dataset, t.datasetPrice) = _split(w[7]);
        t.tag = bytes32(w[8]);
        (t.sponsor,) = _split(w[9]);
        if (t.sponsor == address(0)) t.sponsor = t.requester;
        (t.beneficiary,) = _split(w[10]);
        (t.callback,) = _split(w[11]);
    }

    /// Deadlines are multiples of the category's reference time.
    function deadline(Terms memory t, uint256 ratio) internal pure returns (uint256) {
        return t.startTime + ratio * t.timeref;
    }

    /// The whole deal, for the views.
    function deal(address blob) internal view returns (Deal memory d) {
        Terms memory t = terms(blob);
        d.app.pointer = t.app;
        d.app.owner = t.appOwner;
        d.app.price = t.appPrice;
        d.dataset.pointer = t.dataset;
        d.dataset.owner = t.datasetOwner;
        d.dataset.price = t.datasetPrice;
        d.workerpool.pointer = t.workerpool;
        d.workerpool.owner = t.scheduler;
        d.workerpool.price = t.workerpoolPrice;
        d.trust = t.trust;
        d.category = t.category;
        d.tag = t.tag;
        d.requester = t.requester;
        d.beneficiary = t.beneficiary;
        d.callback = t.callback;
        d.params = _params(blob);
        d.startTime = t.startTime;
        d.botFirst = t.botFirst;
        d.botSize = t.botSize;
        d.workerStake = t.workerStake;
        d.schedulerRewardRatio = t.schedulerRewardRatio;
        d.sponsor = t.sponsor;
    }

    function _params(address blob) private view returns (string memory params) {
        uint256 header = 1 + 32 * WORDS; // behind the STOP
        if (blob.code.length <= header) return params;
        params = new string(blob.code.length - header);
        assembly ("memory-safe") {
            extcodecopy(blob, add(params, 32), header, mload(params))
        }
    }

    function _join(address high, uint96 low) private pure returns (uint256) {
        return (uint256(uint160(high)) << 96) | low;
    }

    function _split(uint256 word) private pure returns (address high, uint256 low) {
        return (address(uint160(word >> 96)), uint96(word));
    }
}
