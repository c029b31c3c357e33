// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ContributionStatus} from "./Types.sol";
import {KITTY_ADDRESS, KITTY_MIN, KITTY_RATIO, WORKERPOOL_STAKE_RATIO} from "./Rules.sol";
import {Terms} from "./DealCode.sol";
import {Escrow} from "./Escrow.sol";
import {TaskRecord, Vote} from "./Store.sol";

/// Who gets what when a task ends. Every division rounds down; what is lost to rounding goes to the scheduler.
abstract contract Settlement is Escrow {
    event AccurateContribution(address indexed worker, bytes32 indexed taskid);
    event FaultyContribution(address indexed worker, bytes32 indexed taskid);

    function _schedulerStake(uint256 workerpoolPrice) internal pure returns (uint256) {
        return workerpoolPrice * WORKERPOOL_STAKE_RATIO / 100;
    }

    /// Success: the resources are paid; the workers share the workerpool's price, less the scheduler's part, and the
    /// stakes of those that were wrong or silent. Returns how many revealed.
    function _payContributors(bytes32 taskid, TaskRecord storage task, Terms memory terms, address[] memory workers)
        internal
        returns (uint256 proved)
    {
        _payResources(taskid, terms);

        uint256[] memory shares = new uint256[](workers.length);
        uint256 allShares = 0;
        for (uint256 i = 0; i < workers.length; ++i) {
            Vote storage vote = task.votes[workers[i]];
            if (vote.status == ContributionStatus.PROVED) {
                shares[i] = vote.log2Weight;
                allShares += shares[i];
                ++proved;
            }
        }
        uint256 reward = terms.workerpoolPrice + terms.workerStake * (workers.length - proved);
        uint256 workersReward = reward * (100 - terms.schedulerRewardRatio) / 100;

        for (uint256 i = 0; i < workers.length; ++i) {
            if (shares[i] == 0) {
                _punish(taskid, terms, workers[i]);
                continue;
            }
            uint256 share = workersReward * shares[i] / allShares;
            reward -= share;
            _unlock(workers[i], terms.workerStake);
            _reward(workers[i], share, taskid);
            // Agreeing with oneself proves nothing.
            if (workers.length > 1) {
                _ledgers[workers[i]].score += 1;
                emit AccurateContribution(workers[i], taskid);
            }
        }
        _reward(terms.scheduler, reward, taskid);
    }

    /// Success of a worker that contributed and finalized at once: no stake, no score.
    function _payAlone(bytes32 taskid, Terms memory terms, address worker) internal {
        _payResources(taskid, terms);
        uint256 share = terms.workerpoolPrice * (100 - terms.schedulerRewardRatio) / 100;
        _reward(worker, share, taskid);
        _reward(terms.scheduler, terms.workerpoolPrice - share, taskid);
    }

    /// Failure: the payer and all workers get their money back, the scheduler's stake goes to the kitty, or to the payer
    /// of a marked deal.
    function _refund(bytes32 taskid, Terms memory terms, address[] memory workers) internal {
        _refundPayer(terms, 1, taskid);
        for (uint256 i = 0; i < workers.length; ++i) {
            _unlock(workers[i], terms.workerStake);
        }
    }

    /// The part of a failure that does not depend on workers, for `count` tasks.
    function _refundPayer(Terms memory terms, uint256 count, bytes32 ref) internal {
        _unlock(terms.sponsor, (terms.appPrice + terms.datasetPrice + terms.workerpoolPrice) * count);
        uint256 stake = _schedulerStake(terms.workerpoolPrice) * count;
        _seize(terms.scheduler, stake, ref);
        if (terms.marked) _reward(terms.sponsor, stake, ref);
        else _lockSeized(KITTY_ADDRESS, stake, ref);
    }

    function _punish(bytes32 taskid, Terms memory terms, address worker) private {
        uint256 score = _ledgers[worker].score;
        if (score > 0) _ledgers[worker].score = uint32(score * 2 / 3);
        _seize(worker, terms.workerStake, taskid);
        emit FaultyContribution(worker, taskid);
    }

    function _payResources(bytes32 taskid, Terms memory terms) private {
        _seize(terms.sponsor, terms.appPrice + terms.datasetPrice + terms.workerpoolPrice, taskid);
        if (terms.appPrice > 0) _reward(terms.appOwner, terms.appPrice, taskid);
        if (terms.datasetPrice > 0) _reward(terms.datasetOwner, terms.datasetPrice, taskid);
        _unlock(terms.scheduler, _schedulerStake(terms.workerpoolPrice));

        uint256 kitty = _ledgers[KITTY_ADDRESS].locked;
        if (kitty > 0) {
            kitty = Math.min(Math.max(kitty * KITTY_RATIO / 100, KITTY_MIN), kitty);
            _seize(KITTY_ADDRESS, kitty, taskid);
            _reward(terms.scheduler, kitty, taskid);
        }
    }
}
