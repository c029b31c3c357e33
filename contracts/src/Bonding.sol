// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {EVIDENCE_TIME, HIGHEST_SCORE, LEAST_RISK} from "./Rules.sol";
import {Terms} from "./DealCode.sol";
import {Settlement} from "./Settlement.sol";
import {Bond, Held} from "./Store.sol";

/// What stands behind signed votes: a worker's bond and score in a pool, and the stakes of a scheduler that can still be
/// contested. Both are locked money of their owners.
abstract contract Bonding is Settlement {
    using SafeCast for uint256;

    uint8 internal constant LOSER = 1;
    uint8 internal constant EQUIVOCATION = 2;
    uint8 internal constant UNOPENED = 3;
    uint8 internal constant OMISSION = 4;
    uint8 internal constant STALL = 5;

    event Slashed(
        address indexed workerpool, address indexed account, bytes32 indexed rid, uint256 amount, uint8 reason
    );

    error BadSignature(address signer);
    error TooEarly(uint256 time);
    error TooLate(uint256 deadline);
    error Underbonded(address worker);

    /// What a vote on `count` tasks of the deal puts at risk.
    function _risk(Terms memory terms, uint256 count) internal pure returns (uint256) {
        return terms.workerStake * Math.max(count, LEAST_RISK);
    }

    function _requireBonded(Bond memory bond, address worker, uint256 risk) internal pure {
        if (uint256(bond.amount) + bond.pending < risk) revert Underbonded(worker);
    }

    /// Takes up to `amount` out of a bond, of what is asked back last. It stays locked.
    function _drawBond(Bond storage bond, uint256 amount) internal returns (uint256 drawn) {
        uint256 own = bond.amount;
        uint256 pending = bond.pending;
        drawn = Math.min(amount, own + pending);
        uint256 fromOwn = Math.min(drawn, own);
        unchecked {
            bond.amount = uint72(own - fromOwn);
            bond.pending = uint72(pending - (drawn - fromOwn));
        }
    }

    /// Takes up to `amount` from a worker that was wrong, with all of its score.
    function _slashWorker(address workerpool, address worker, bytes32 rid, uint256 amount, uint8 reason)
        internal
        returns (uint256 taken)
    {
        Bond storage bond = _bonds[workerpool][worker];
        taken = _drawBond(bond, amount);
        bond.score = 0;
        _forfeit(worker, taken);
        emit Slashed(workerpool, worker, rid, taken, reason);
    }

    /// At most one step a day.
    function _gain(Bond storage bond) internal {
        uint256 day = block.timestamp / 1 days;
        uint256 score = bond.score;
        if (day <= bond.lastGain || score >= HIGHEST_SCORE) return;
        bond.score = uint16(score + 1);
        bond.lastGain = uint24(day);
    }

    /// Keeps a scheduler's stake, which is locked already, for as long as the settlement can be contested.
    function _hold(address workerpool, address scheduler, uint256 stake) internal {
        Held storage held = _touchHeld(workerpool, scheduler);
        held.current = (held.current + stake).toUint72();
    }

    /// Releases what is older than an epoch before this one.
    function _touchHeld(address workerpool, address scheduler) internal returns (Held storage held) {
        held = _held[workerpool][scheduler];
        uint256 epoch = block.timestamp / EVIDENCE_TIME;
        uint256 last = held.epoch;
        if (epoch == last) return held;
        uint256 current = held.current;
        uint256 released = held.previous;
        if (epoch > last + 1) {
            released += current;
            current = 0;
        }
        held.epoch = uint32(epoch);
        held.previous = uint72(current);
        held.current = 0;
        if (released > 0) _unlock(scheduler, released);
    }

    /// A fault of an account in a range counts once.
    function _isFirstFault(bytes32 rid, address account) internal returns (bool) {
        bytes32 key = keccak256(abi.encodePacked(rid, account));
        if (_faults[key]) return false;
        _faults[key] = true;
        return true;
    }
}
