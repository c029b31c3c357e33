// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Account,
    AppInfo,
    Category,
    Contribution,
    ContributionStatus,
    DatasetInfo,
    Deal,
    EIP712Domain,
    Task,
    TaskStatus,
    WorkerpoolInfo
} from "./Types.sol";
import "./Rules.sol";
import {IApp, IDataset, IWorkerpool} from "./interfaces.sol";
import {Certificate} from "./Certificate.sol";
import {Consensus} from "./Consensus.sol";
import {DealCode, Terms} from "./DealCode.sol";
import {OrderHash} from "./OrderHash.sol";
import {RangeAccessors} from "./RangeAccessors.sol";
import {Stage, TaskRecord, Vote} from "./Store.sol";

/// What anyone can read.
abstract contract Accessors is Consensus, RangeAccessors {
    function owner() external view returns (address) {
        return _owner;
    }

    function token() external view returns (address) {
        return address(_token);
    }

    function name() external view returns (string memory) {
        return _name;
    }

    function symbol() external view returns (string memory) {
        return _symbol;
    }

    function decimals() external view returns (uint8) {
        return _decimals;
    }

    function totalSupply() external view returns (uint256) {
        return _totalSupply;
    }

    function balanceOf(address account) external view returns (uint256) {
        return _ledgers[account].free;
    }

    function frozenOf(address account) external view returns (uint256) {
        return _ledgers[account].locked;
    }

    function allowance(address account, address spender) external view returns (uint256) {
        return _allowances[account][spender];
    }

    function viewAccount(address account) public view returns (Account memory) {
        return Account({stake: _ledgers[account].free, locked: _ledgers[account].locked});
    }

    function viewScore(address worker) external view returns (uint256) {
        return _ledgers[worker].score;
    }

    function viewConsumed(bytes32 id) external view returns (uint256 consumed) {
        return _consumed[id];
    }

    function viewPresigned(bytes32 id) external view returns (address signer) {
        return _presigned[id];
    }

    function viewCategory(uint256 catid) external view returns (Category memory) {
        require(catid < _categories.length);
        return _categories[catid];
    }

    function countCategory() external view returns (uint256) {
        return _categories.length;
    }

    function appregistry() external view returns (address) {
        return address(_appRegistry);
    }

    function datasetregistry() external view returns (address) {
        return address(_datasetRegistry);
    }

    function workerpoolregistry() external view returns (address) {
        return address(_workerpoolRegistry);
    }

    function teebroker() external view returns (address) {
        return _teeBroker;
    }

    function callbackgas() external view returns (uint256) {
        return _callbackGas;
    }

    function viewApp(address app) external view returns (AppInfo memory) {
        IApp a = IApp(app);
        return AppInfo(
            a.owner(), a.m_appName(), a.m_appType(), a.m_appMultiaddr(), a.m_appChecksum(), a.m_appMREnclave()
        );
    }

    function viewDataset(address dataset) external view returns (DatasetInfo memory) {
        IDataset d = IDataset(dataset);
        return DatasetInfo(d.owner(), d.m_datasetName(), d.m_datasetMultiaddr(), d.m_datasetChecksum());
    }

    function viewWorkerpool(address workerpool) external view returns (WorkerpoolInfo memory) {
        IWorkerpool w = IWorkerpool(workerpool);
        return WorkerpoolInfo(
            w.owner(), w.m_workerpoolDescription(), w.m_workerStakeRatioPolicy(), w.m_schedulerRewardRatioPolicy()
        );
    }

    function viewDeal(bytes32 id) public view returns (Deal memory) {
        return DealCode.deal(_blobAt(id));
    }

    function viewTask(bytes32 id) public view returns (Task memory view_) {
        TaskRecord storage task = _tasks[id];
        if (task.stage == Stage.UNSET) return view_;
        Terms memory terms = DealCode.terms(task.deal);
        uint256 index = task.idx;
        if (_isOfRange(terms, index, id)) return _viewInRange(terms, index, id);
        _fillFromDeal(view_, terms, index);
        view_.status = _status(task.stage);
        view_.revealDeadline = task.revealDeadline;
        view_.contributors = _contributors(task);
        view_.results = _results(id);
        view_.resultsCallback = _resultsCallback(id);
        if (task.agreed == 0) return view_;

        uint256 agreed = task.agreed - 1;
        view_.winnerCounter = task.groups[agreed].count;
        view_.revealCounter = _reveals(task);
        view_.consensusValue = _groupHash(id, task, agreed);
        if (view_.revealCounter > 0) view_.resultDigest = task.groups[agreed].value;
    }

    /// The same by its place in a deal: it also finds the tasks of a marked deal.
    function viewTaskAt(bytes32 dealid, uint256 idx) external view returns (Task memory view_) {
        Terms memory terms = DealCode.terms(_blobAt(dealid));
        if (idx < terms.botFirst || idx >= terms.botFirst + terms.botSize) return view_;
        bytes32 id = Certificate.task(dealid, idx);
        return _isOfRange(terms, idx, id) ? _viewInRange(terms, idx, id) : viewTask(id);
    }

    function viewContribution(bytes32 id, address worker) public view returns (Contribution memory view_) {
        TaskRecord storage task = _tasks[id];
        Vote storage vote = task.votes[worker];
        if (vote.status == ContributionStatus.UNSET) return view_;
        view_.status = vote.status;
        view_.resultHash = _groupHash(id, task, vote.group);
        view_.resultSeal = vote.seal;
        view_.enclaveChallenge = vote.enclaveChallenge;
        view_.weight = vote.log2Weight;
    }

    /// ERC-1154: the callback bytes of a finished task.
    function resultFor(bytes32 id) external view returns (bytes memory) {
        require(_tasks[id].stage == Stage.COMPLETED || _isSettled(_records[id]), "task-pending");
        return _resultsCallback(id);
    }

    function domain() external view returns (EIP712Domain memory) {
        return EIP712Domain(OrderHash.DOMAIN_NAME, OrderHash.DOMAIN_VERSION, block.chainid, address(this));
    }

    function eip712domain_separator() external view returns (bytes32) {
        return _configured ? OrderHash.domainSeparator() : bytes32(0);
    }

    function contribution_deadline_ratio() external pure returns (uint256) {
        return CONTRIBUTION_DEADLINE_RATIO;
    }

    function reveal_deadline_ratio() external pure returns (uint256) {
        return REVEAL_DEADLINE_RATIO;
    }

    function final_deadline_ratio() external pure returns (uint256) {
        return FINAL_DEADLINE_RATIO;
    }

    function workerpool_stake_ratio() external pure returns (uint256) {
        return WORKERPOOL_STAKE_RATIO;
    }

    function kitty_ratio() external pure returns (uint256) {
        return KITTY_RATIO;
    }

    function kitty_min() external pure returns (uint256) {
        return KITTY_MIN;
    }

    function kitty_address() external pure returns (address) {
        return KITTY_ADDRESS;
    }

    function groupmember_purpose() external pure returns (uint256) {
        return GROUPMEMBER_PURPOSE;
    }

    function _status(Stage stage) private pure returns (TaskStatus) {
        if (stage == Stage.ACTIVE) return TaskStatus.ACTIVE;
        if (stage == Stage.COMPLETED) return TaskStatus.COMPLETED;
        if (stage == Stage.FAILED) return TaskStatus.FAILED;
        return TaskStatus.REVEALING;
    }

    function _reveals(TaskRecord storage task) private view returns (uint256 n) {
        for (address worker = task.last; worker != address(0); worker = task.votes[worker].previous) {
            if (task.votes[worker].status == ContributionStatus.PROVED) ++n;
        }
    }

    /// The hash a group voted. Once revealed the group agreed on keeps the digest instead, from which it follows.
    function _groupHash(bytes32 id, TaskRecord storage task, uint256 index) private view returns (bytes32) {
        bytes32 value = task.groups[index].value;
        bool revealed = index + 1 == task.agreed && _reveals(task) > 0;
        return revealed ? keccak256(abi.encodePacked(id, value)) : value;
    }
}
