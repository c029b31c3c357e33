// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ContributionStatus} from "./Types.sol";
import {CONTRIBUTION_DEADLINE_RATIO, FINAL_DEADLINE_RATIO, REVEAL_DEADLINE_RATIO, TAG_TEE} from "./Rules.sol";
import {Callbacks} from "./Callbacks.sol";
import {Consensus} from "./Consensus.sol";
import {DealCode, Terms} from "./DealCode.sol";
import {Results} from "./Results.sol";
import {Settlement} from "./Settlement.sol";
import {Signatures} from "./Signatures.sol";
import {Group, Stage, TaskRecord, Vote} from "./Store.sol";
import {Taking} from "./Taking.sol";

/// The life of a task: initialize, contribute until the results reach the trust asked for, reveal, finalize; or
/// contribute and finalize at once; or claim when the time is over. A refusal carries no message: it is PoCo's. While
/// the certificate way calls back, nothing here can be called (`nonReentrantView`).
abstract contract Tasks is Callbacks, Consensus, Results, Settlement, Signatures, Taking, ReentrancyGuardTransient {
    using SafeCast for uint256;

    event TaskInitialize(bytes32 indexed taskid, address indexed workerpool);
    event TaskContribute(bytes32 indexed taskid, address indexed worker, bytes32 hash);
    event TaskReveal(bytes32 indexed taskid, address indexed worker, bytes32 digest);
    event TaskReopen(bytes32 indexed taskid);
    event TaskClaimed(bytes32 indexed taskid);

    function initialize(bytes32 dealid, uint256 index) external nonReentrantView returns (bytes32) {
        return _initialize(dealid, index);
    }

    function initializeArray(bytes32[] calldata dealids, uint256[] calldata indexes) external nonReentrantView returns (bool) {
        require(dealids.length == indexes.length);
        for (uint256 i = 0; i < dealids.length; ++i) {
            _initialize(dealids[i], indexes[i]);
        }
        return true;
    }

    function claim(bytes32 taskid) external nonReentrantView {
        _claim(taskid);
    }

    function claimArray(bytes32[] calldata taskids) external nonReentrantView returns (bool) {
        for (uint256 i = 0; i < taskids.length; ++i) {
            _claim(taskids[i]);
        }
        return true;
    }

    function initializeAndClaimArray(bytes32[] calldata dealids, uint256[] calldata indexes) external nonReentrantView returns (bool) {
        require(dealids.length == indexes.length);
        for (uint256 i = 0; i < dealids.length; ++i) {
            _claim(_initialize(dealids[i], indexes[i]));
        }
        return true;
    }

    /// A vote for `resultHash = keccak256(taskid, digest)`. The digest stays hidden; `resultSeal =
    /// keccak256(worker, taskid, digest)` will prove that this worker knew it. The stake is locked.
    function contribute(
        bytes32 taskid,
        bytes32 resultHash,
        bytes32 resultSeal,
        address enclaveChallenge,
        bytes calldata enclaveSign,
        bytes calldata authorizationSign
    ) external nonReentrantView {
        TaskRecord storage task = _tasks[taskid];
        require(task.stage == Stage.ACTIVE);
        Terms memory terms = DealCode.terms(task.deal);
        require(task.votes[msg.sender].status == ContributionStatus.UNSET);
        _requireAuthorized(taskid, terms, enclaveChallenge, authorizationSign);
        _requireEnclave(resultHash, resultSeal, enclaveChallenge, enclaveSign);

        if (task.last == address(0)) _takeTask(terms, task.idx, taskid);
        if (enclaveChallenge != address(0)) task.votes[msg.sender].enclaveChallenge = enclaveChallenge;
        _lock(msg.sender, terms.workerStake);
        emit TaskContribute(taskid, msg.sender, resultHash);
        _vote(taskid, task, terms, resultHash, resultSeal);
    }

    /// The whole of a task at trust 1 in one call, by the worker that is the first to contribute.
    function contributeAndFinalize(
        bytes32 taskid,
        bytes32 resultDigest,
        bytes calldata results,
        bytes calldata resultsCallback,
        address enclaveChallenge,
        bytes calldata enclaveSign,
        bytes calldata authorizationSign
    ) external nonReentrantView {
        TaskRecord storage task = _tasks[taskid];
        require(task.stage == Stage.ACTIVE);
        Terms memory terms = DealCode.terms(task.deal);
        require(task.last == address(0) && terms.trust == 1);
        _requireCallbackMatches(terms, resultDigest, resultsCallback);
        bytes32 resultHash = _resultHash(taskid, resultDigest);
        bytes32 resultSeal = _resultSeal(taskid, resultDigest);
        _requireAuthorized(taskid, terms, enclaveChallenge, authorizationSign);
        _requireEnclave(resultHash, resultSeal, enclaveChallenge, enclaveSign);

        _takeTask(terms, task.idx, taskid);
        Vote storage vote = task.votes[msg.sender];
        vote.status = ContributionStatus.PROVED;
        vote.seal = resultSeal;
        if (enclaveChallenge != address(0)) vote.enclaveChallenge = enclaveChallenge;
        task.last = msg.sender;
        task.groupCount = 1;
        task.groups[0].value = resultDigest;
        task.groups[0].count = 1;
        task.stage = Stage.COMPLETED;
        task.agreed = 1;
        task.revealDeadline = (block.timestamp + REVEAL_DEADLINE_RATIO * terms.timeref).toUint40();
        _keepResults(taskid, results, resultsCallback);

        _payAlone(taskid, terms, msg.sender);

        emit TaskContribute(taskid, msg.sender, resultHash);
        emit TaskConsensus(taskid, resultHash);
        emit TaskReveal(taskid, msg.sender, resultDigest);
        emit TaskFinalize(taskid, results);
        _callBack(taskid, terms, resultsCallback);
    }

    /// Shows the digest behind a vote that won.
    function reveal(bytes32 taskid, bytes32 resultDigest) external nonReentrantView {
        TaskRecord storage task = _tasks[taskid];
        bool first = task.stage == Stage.AGREED;
        require(first || task.stage == Stage.REVEALED);
        require(block.timestamp < task.revealDeadline);
        Vote storage vote = task.votes[msg.sender];
        require(vote.status == ContributionStatus.CONTRIBUTED);
        uint256 index = task.agreed - 1;
        require(vote.group == index);
        Group storage group = task.groups[index];
        require(group.value == (first ? _resultHash(taskid, resultDigest) : resultDigest));
        require(vote.seal == _resultSeal(taskid, resultDigest));

        vote.status = ContributionStatus.PROVED;
        if (first) {
            group.value = resultDigest;
            task.stage = Stage.REVEALED;
        }
        emit TaskReveal(taskid, msg.sender, resultDigest);
    }

    /// Puts a task back to the vote when nobody revealed in time. Those that kept silent cannot vote again.
    function reopen(bytes32 taskid) external nonReentrantView {
        TaskRecord storage task = _tasks[taskid];
        Terms memory terms = DealCode.terms(task.deal);
        require(msg.sender == terms.scheduler);
        require(task.stage == Stage.AGREED);
        require(block.timestamp < _finalDeadline(terms) && block.timestamp >= task.revealDeadline);

        uint256 index = task.agreed - 1;
        for (address worker = task.last; worker != address(0);) {
            Vote storage vote = task.votes[worker];
            if (vote.group == index) vote.status = ContributionStatus.REJECTED;
            worker = vote.previous;
        }
        task.groups[index].weight = 0;
        task.groups[index].count = 0;
        task.stage = Stage.ACTIVE;
        task.agreed = 0;
        task.revealDeadline = 0;
        emit TaskReopen(taskid);
    }

    /// Publishes the result and pays. By the scheduler, when every winner revealed or the time to reveal is over.
    function finalize(bytes32 taskid, bytes calldata results, bytes calldata resultsCallback)
        external
        nonReentrantView
    {
        TaskRecord storage task = _tasks[taskid];
        Terms memory terms = DealCode.terms(task.deal);
        require(msg.sender == terms.scheduler);
        require(task.stage == Stage.REVEALED);
        require(block.timestamp < _finalDeadline(terms));
        Group storage group = task.groups[task.agreed - 1];
        _requireCallbackMatches(terms, group.value, resultsCallback);

        bool late = block.timestamp >= task.revealDeadline;
        task.stage = Stage.COMPLETED;
        _keepResults(taskid, results, resultsCallback);
        uint256 proved = _payContributors(taskid, task, terms, _contributors(task));
        require(late || proved == group.count);

        emit TaskFinalize(taskid, results);
        _callBack(taskid, terms, resultsCallback);
    }

    function _initialize(bytes32 dealid, uint256 index) private returns (bytes32 taskid) {
        address deal = _blobAt(dealid);
        Terms memory terms = DealCode.terms(deal);
        require(index >= terms.botFirst && index < terms.botFirst + terms.botSize);
        taskid = keccak256(abi.encodePacked(dealid, index));
        TaskRecord storage task = _tasks[taskid];
        require(task.stage == Stage.UNSET);
        _requireFree(terms, index, taskid);
        task.deal = deal;
        task.idx = uint40(index); // below the deal's end, which fits
        task.stage = Stage.ACTIVE;
        emit TaskInitialize(taskid, terms.workerpool);
    }

    function _claim(bytes32 taskid) private {
        TaskRecord storage task = _tasks[taskid];
        Stage stage = task.stage;
        require(stage == Stage.ACTIVE || stage == Stage.AGREED || stage == Stage.REVEALED);
        Terms memory terms = DealCode.terms(task.deal);
        require(block.timestamp >= _finalDeadline(terms));
        if (task.last == address(0)) _takeTask(terms, task.idx, taskid);
        task.stage = Stage.FAILED;
        _refund(taskid, terms, _contributors(task));
        emit TaskClaimed(taskid);
    }

    function _requireAuthorized(
        bytes32 taskid,
        Terms memory terms,
        address enclaveChallenge,
        bytes calldata authorizationSign
    ) private view {
        require(block.timestamp < DealCode.deadline(terms, CONTRIBUTION_DEADLINE_RATIO));
        require(enclaveChallenge != address(0) || terms.tag & TAG_TEE == 0);
        address broker = enclaveChallenge == address(0) ? address(0) : _teeBroker;
        bytes32 authorization = keccak256(abi.encodePacked(msg.sender, taskid, enclaveChallenge));
        require(
            _signed(
                broker == address(0) ? terms.scheduler : broker,
                MessageHashUtils.toEthSignedMessageHash(authorization),
                authorizationSign
            )
        );
    }

    function _requireEnclave(
        bytes32 resultHash,
        bytes32 resultSeal,
        address enclaveChallenge,
        bytes calldata enclaveSign
    ) private view {
        if (enclaveChallenge == address(0)) return;
        bytes32 vote = keccak256(abi.encodePacked(resultHash, resultSeal));
        require(_signed(enclaveChallenge, MessageHashUtils.toEthSignedMessageHash(vote), enclaveSign));
    }

    /// What a callback is given is what was voted.
    function _requireCallbackMatches(Terms memory terms, bytes32 resultDigest, bytes calldata resultsCallback)
        private
        pure
    {
        require(
            (terms.callback == address(0) && resultsCallback.length == 0) || keccak256(resultsCallback) == resultDigest
        );
    }

    function _finalDeadline(Terms memory terms) private pure returns (uint256) {
        return DealCode.deadline(terms, FINAL_DEADLINE_RATIO);
    }

    function _resultHash(bytes32 taskid, bytes32 resultDigest) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(taskid, resultDigest));
    }

    function _resultSeal(bytes32 taskid, bytes32 resultDigest) private view returns (bytes32) {
        return keccak256(abi.encodePacked(msg.sender, taskid, resultDigest));
    }
}
