// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ContributionStatus} from "./Types.sol";
import {REVEAL_DEADLINE_RATIO} from "./Rules.sol";
import {Group, Stage, Store, TaskRecord, Vote} from "./Store.sol";
import {Terms} from "./DealCode.sol";

/// The vote on a task's result (PoCo's credibility rule).
///
/// A worker weighs `max(score / 3, 3) - 1`. The weights of workers that vote alike multiply; the total is one more
/// than the sum over the groups. A group is certified at trust T when its share of the total exceeds `1 - 1/T`.
abstract contract Consensus is Store {
    using SafeCast for uint256;

    event TaskConsensus(bytes32 indexed taskid, bytes32 consensus);

    /// Counts `msg.sender`'s vote for `resultHash`; closes the vote when its group is certified.
    function _vote(bytes32 taskid, TaskRecord storage task, Terms memory terms, bytes32 resultHash, bytes32 seal)
        internal
    {
        uint256 weight = Math.max(_ledgers[msg.sender].score / 3, 3) - 1;
        (uint256 index, uint256 product, uint256 total, uint256 count) = _join(task, resultHash, weight);

        Vote storage vote = task.votes[msg.sender];
        vote.previous = task.last;
        vote.group = uint8(index);
        vote.log2Weight = uint8(Math.log2(weight));
        vote.status = ContributionStatus.CONTRIBUTED;
        vote.seal = seal;
        task.last = msg.sender;
        task.groups[index].weight = product.toUint240();
        task.groups[index].count = count.toUint16();

        if (product * terms.trust > total * (terms.trust - 1)) {
            task.stage = Stage.AGREED;
            task.agreed = uint8(index + 1);
            task.revealDeadline = (block.timestamp + REVEAL_DEADLINE_RATIO * terms.timeref).toUint40();
            emit TaskConsensus(taskid, resultHash);
        }
    }

    /// The group of `resultHash` with one more member, opened if need be, and the total of all groups with it.
    function _join(TaskRecord storage task, bytes32 resultHash, uint256 weight)
        private
        returns (uint256 index, uint256 product, uint256 total, uint256 count)
    {
        uint256 groups = task.groupCount;
        index = groups;
        total = 1;
        for (uint256 i = 0; i < groups; ++i) {
            Group storage group = task.groups[i];
            if (group.value == resultHash) {
                (index, product, count) = (i, group.weight, group.count);
            } else {
                total += group.weight;
            }
        }
        if (index == groups) {
            task.groupCount = (groups + 1).toUint8();
            task.groups[index].value = resultHash;
        }
        product = Math.max(product, 1) * weight;
        total += product;
        count += 1;
    }

    /// The contributors, in the order they came.
    function _contributors(TaskRecord storage task) internal view returns (address[] memory list) {
        uint256 n = 0;
        address first = task.last;
        for (address worker = first; worker != address(0); worker = task.votes[worker].previous) ++n;
        list = new address[](n);
        for (address worker = first; worker != address(0); worker = task.votes[worker].previous) list[--n] = worker;
    }
}
