// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {LONGEST_RANGE} from "./Rules.sol";
import {Range} from "./Certificate.sol";
import {Terms} from "./DealCode.sol";
import {Stage, Store, TaskRecord} from "./Store.sol";

/// Which way a task goes. A task is taken when a worker first contributes to it, when it is settled, failed or posted
/// as part of a range, or when it is claimed; it is taken once. Each task of a bag has a bit. The one task of a deal of
/// one needs none: its record, and what the open way knows of it, tell.
abstract contract Taking is Store {
    error TaskTaken(uint256 idx);
    error WrongRange(uint256 first, uint256 count);

    function _requireRange(Terms memory terms, uint256 first, uint256 count) internal pure {
        if (
            count == 0 || count > LONGEST_RANGE || first < terms.botFirst
                || first > terms.botFirst + terms.botSize - count || count > terms.botSize
        ) revert WrongRange(first, count);
    }

    /// Takes a whole range of which nothing is taken yet. The caller then writes its record.
    function _takeRange(Terms memory terms, Range memory range) internal {
        if (terms.botSize == 1) {
            if (_isLoneTaskTaken(range.firstTask)) revert TaskTaken(range.first);
            return;
        }
        uint256 offset = range.first - terms.botFirst;
        uint256 end = offset + range.count;
        mapping(uint256 word => uint256) storage words = _taken[terms.dealid];
        while (offset < end) {
            uint256 bit = offset % 256;
            uint256 span = Math.min(256 - bit, end - offset);
            uint256 mask = (type(uint256).max >> (256 - span)) << bit;
            uint256 word = words[offset / 256];
            uint256 clash = word & mask;
            if (clash != 0) revert TaskTaken(terms.botFirst + offset - bit + Math.log2(clash & (~clash + 1)));
            words[offset / 256] = word | mask;
            offset += span;
        }
    }

    /// Takes a task for the open way, at the first contribution to it or a claim before any.
    function _takeTask(Terms memory terms, uint256 index, bytes32 taskid) internal {
        _requireFree(terms, index, taskid);
        if (terms.botSize == 1) return;
        uint256 offset = index - terms.botFirst;
        _taken[terms.dealid][offset / 256] |= 1 << (offset % 256);
    }

    /// For a task to which nobody contributed in the open way.
    function _requireFree(Terms memory terms, uint256 index, bytes32 taskid) internal view {
        if (terms.botSize == 1 ? _records[taskid].count != 0 : _isBitSet(terms, index)) revert TaskTaken(index);
    }

    function _isTaken(Terms memory terms, uint256 index, bytes32 taskid) internal view returns (bool) {
        return terms.botSize == 1 ? _isLoneTaskTaken(taskid) : _isBitSet(terms, index);
    }

    function _isLoneTaskTaken(bytes32 taskid) private view returns (bool) {
        if (_records[taskid].count != 0) return true;
        TaskRecord storage task = _tasks[taskid];
        Stage stage = task.stage;
        if (stage == Stage.UNSET) return false;
        return stage != Stage.ACTIVE || task.last != address(0);
    }

    function _isBitSet(Terms memory terms, uint256 index) private view returns (bool) {
        uint256 offset = index - terms.botFirst;
        return _taken[terms.dealid][offset / 256] >> (offset % 256) & 1 != 0;
    }
}
