// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    CONTRIBUTION_DEADLINE_RATIO,
    FINAL_DEADLINE_RATIO,
    MOST_POSTS,
    OPENING_DEADLINE_RATIO,
    POSTING_DEADLINE_RATIO
} from "./Rules.sol";
import {Certificate, Range} from "./Certificate.sol";
import {DealCode, Terms} from "./DealCode.sol";
import {Ranges, Tally, Verdict} from "./Ranges.sol";
import {Bond, FAILED, POSTED, OpenedValue, Post, PostedVote} from "./Store.sol";

/// When the scheduler does not settle in time, anybody posts the votes it countersigned; when posting is over, anybody
/// opens them by showing what they are for; then anybody has the hub count them. What nobody finished is refunded.
abstract contract Fallback is Ranges {
    uint256 private constant VOTE = 200; // worker 20, signature 64, enclave 20, seal 32, the scheduler's signature 64

    event RangePosted(
        bytes32 indexed rid, bytes32 indexed dealid, uint256 first, uint256 count, address worker, bytes32 seal
    );
    event RangeOpened(bytes32 indexed rid, address indexed worker, bytes32 root, bytes32 link);

    error WrongLength(uint256 length);
    error NotPosted(bytes32 rid);
    error AlreadyPosted(address worker);
    error NothingOpened(bytes32 rid);

    /// The first to post decides the range: from then on the scheduler cannot settle any part of it.
    function post(bytes32 dealid, uint256 first, uint256 count, bytes calldata votes) external nonReentrant {
        Terms memory terms = _termsOf(dealid);
        _requireSuited(terms);
        _requireRange(terms, first, count);
        if (terms.callback != address(0) && count != 1) revert CallbackMismatch();
        _requireWindow(terms, CONTRIBUTION_DEADLINE_RATIO, POSTING_DEADLINE_RATIO);
        if (votes.length == 0 || votes.length % VOTE != 0) revert WrongLength(votes.length);

        Range memory range = Certificate.range(dealid, first, count);
        Post storage its = _posts[range.rid];
        if (its.poster == address(0)) {
            _takeRange(terms, range);
            _write(_records[range.firstTask], count, POSTED);
            its.poster = msg.sender;
        }
        for (uint256 offset = 0; offset < votes.length; offset += VOTE) {
            _post(terms, range, its, votes[offset:offset + VOTE]);
        }
    }

    /// Opens all posted votes for a value. A vote from an enclave wins only with a proof: `proofs` holds for each of them
    /// worker (20), the enclave's signature (64) and, when there is a broker, the broker's (64). More proofs may come later.
    function open(
        bytes32 dealid,
        uint256 first,
        uint256 count,
        bytes32 root,
        bytes32 link,
        bytes calldata proofs
    ) external nonReentrant {
        Terms memory terms = _termsOf(dealid);
        _requireWindow(terms, POSTING_DEADLINE_RATIO, OPENING_DEADLINE_RATIO);
        Range memory range = Certificate.range(dealid, first, count);
        Post storage its = _posts[range.rid];
        if (its.poster == address(0)) revert NotPosted(range.rid);

        uint256 values = its.values;
        uint256 value = 0;
        while (value < values && !_isOf(its.opening[value], root, link)) ++value;
        if (_openAll(its, range, value + 1, root, link, proofs) == 0) revert NothingOpened(range.rid);
        if (value < values) return;
        its.values = uint8(values + 1);
        its.opening[value] = OpenedValue(root, link);
    }

    /// Counts the votes once all are opened or the time for it is over. `codec`, `content` and `resultsCallback` are for
    /// deals with a callback; `delivery` is the scheduler's to say.
    function resolve(
        bytes32 dealid,
        uint256 first,
        uint256 count,
        bytes32 delivery,
        uint8 codec,
        bytes32 content,
        bytes calldata resultsCallback
    ) external nonReentrant {
        Terms memory terms = _termsOf(dealid);
        Range memory range = Certificate.range(dealid, first, count);
        Post storage its = _requireResolvable(terms, range);
        if (delivery != 0 && msg.sender != terms.scheduler) revert NotScheduler(msg.sender, terms.scheduler);

        address[] memory workers = _posters(its);
        uint256 value = _strongest(its, workers);
        Tally memory tally = _tally(terms, its, workers, value);
        if (!_isCredible(tally, terms.trust)) {
            _fail(terms, range, its, workers);
            return;
        }
        OpenedValue storage opened = its.opening[value - 1];
        Verdict memory verdict = Verdict(WAY_RESOLVED, opened.root, opened.link, delivery);
        if (terms.callback != address(0)) {
            bytes32 root = Certificate.leaf(range.rid, keccak256(resultsCallback), codec, content);
            if (root != verdict.root) revert CallbackMismatch();
            _keepCallback(range.rid, resultsCallback);
        }
        _certify(terms, range, its, workers, value, tally);
        _record(terms, range, verdict, tally.log);
        _callBack(range.rid, terms, resultsCallback);
    }

    /// Refunds a range that ended in no way at all.
    function claimRange(bytes32 dealid, uint256 first, uint256 count) external nonReentrant {
        Terms memory terms = _termsOf(dealid);
        _requireRange(terms, first, count);
        uint256 deadline = DealCode.deadline(terms, FINAL_DEADLINE_RATIO);
        if (block.timestamp < deadline) revert TooEarly(deadline);
        Range memory range = Certificate.range(dealid, first, count);
        _takeRange(terms, range);
        _write(_records[range.firstTask], count, FAILED);
        _refundPayer(terms, count, range.rid);
        emit RangeFailed(dealid, first, count);
    }

    function _requireWindow(Terms memory terms, uint256 from, uint256 to) private view {
        uint256 start = DealCode.deadline(terms, from);
        uint256 end = DealCode.deadline(terms, to);
        if (block.timestamp < start) revert TooEarly(start);
        if (block.timestamp >= end) revert TooLate(end);
    }

    function _requireResolvable(Terms memory terms, Range memory range) private view returns (Post storage its) {
        its = _posts[range.rid];
        if (its.poster == address(0) || _records[range.firstTask].evidence != POSTED) revert NotPosted(range.rid);
        bool all = its.opened == its.count;
        uint256 start = DealCode.deadline(terms, all ? POSTING_DEADLINE_RATIO : OPENING_DEADLINE_RATIO);
        if (block.timestamp < start) revert TooEarly(start);
    }

    function _post(Terms memory terms, Range memory range, Post storage its, bytes calldata said) private {
        address worker = address(bytes20(said));
        address enclave = address(bytes20(said[84:]));
        bytes32 seal = bytes32(said[104:]);
        PostedVote storage vote = its.votes[worker];
        if (vote.there) revert AlreadyPosted(worker);
        if (its.count == MOST_POSTS) revert TooManyMembers(MOST_POSTS);
        if (enclave == address(0) && _isEnclaveDeal(terms)) revert EnclaveMissing(worker);
        bytes32 committed = Certificate.commitment(range, enclave, seal);
        if (!Certificate.signedBy(worker, committed, said[20:84])) revert BadSignature(worker);
        bytes32 assigned = Certificate.assignment(range, worker, keccak256(said[20:84]));
        if (!Certificate.signedBy(terms.scheduler, assigned, said[136:])) revert BadSignature(terms.scheduler);

        uint256 stake = _risk(terms, range.count);
        Bond storage bond = _bonds[terms.workerpool][worker];
        _requireBonded(bond, worker, stake);
        vote.stake = uint72(_drawBond(bond, stake));
        vote.previous = its.last;
        vote.there = true;
        vote.seal = seal;
        if (enclave != address(0)) vote.enclave = enclave;
        its.last = worker;
        its.count++;
        emit RangePosted(range.rid, range.dealid, range.first, range.count, worker, seal);
    }

    function _openAll(
        Post storage its,
        Range memory range,
        uint256 value,
        bytes32 root,
        bytes32 link,
        bytes calldata proofs
    ) private returns (uint256 found) {
        bytes32 voted = Certificate.value(root, link);
        address broker = _teeBroker;
        uint256 opened = 0;
        for (address worker = its.last; worker != address(0);) {
            PostedVote storage vote = its.votes[worker];
            if (!vote.opened && vote.seal == Certificate.seal(worker, range.rid, voted)) {
                if (vote.value == 0) {
                    vote.value = uint8(value);
                    emit RangeOpened(range.rid, worker, root, link);
                    ++found;
                }
                if (_isProven(worker, range.rid, voted, vote.enclave, broker, proofs)) {
                    vote.opened = true;
                    ++opened;
                }
            }
            worker = vote.previous;
        }
        its.opened += uint8(opened);
        found += opened;
    }

    function _isProven(
        address worker,
        bytes32 rid,
        bytes32 voted,
        address enclave,
        address broker,
        bytes calldata proofs
    ) private pure returns (bool) {
        if (enclave == address(0)) return true;
        uint256 length = broker == address(0) ? 84 : 148;
        if (proofs.length % length != 0) revert WrongLength(proofs.length);
        for (uint256 offset = 0; offset < proofs.length; offset += length) {
            if (address(bytes20(proofs[offset:])) != worker) continue;
            _requireEnclave(worker, rid, voted, enclave, broker, proofs[offset + 20:offset + length]);
            return true;
        }
        return false;
    }

    function _isOf(OpenedValue storage value, bytes32 root, bytes32 link) private view returns (bool) {
        return value.root == root && value.link == link;
    }

    /// Those that posted, in order.
    function _posters(Post storage its) private view returns (address[] memory workers) {
        uint256 left = its.count;
        workers = new address[](left);
        for (address worker = its.last; worker != address(0); worker = its.votes[worker].previous) {
            workers[--left] = worker;
        }
    }

    /// The value with the most votes, of these the one opened first: if one is credible it is this, for where there are
    /// two there is a dispute, and in a dispute votes weigh alike. 1 + its index; 0 when nothing was opened.
    function _strongest(Post storage its, address[] memory workers) private view returns (uint256 value) {
        uint256 values = its.values;
        uint256[] memory votes = new uint256[](values + 1);
        for (uint256 i = 0; i < workers.length; ++i) {
            PostedVote storage vote = its.votes[workers[i]];
            if (vote.opened) votes[vote.value]++;
        }
        for (uint256 i = 1; i <= values; ++i) {
            if (votes[i] > votes[value]) value = i;
        }
    }

    /// A vote for the value from an enclave that nobody proved neither wins nor loses.
    function _tally(Terms memory terms, Post storage its, address[] memory workers, uint256 value)
        private
        view
        returns (Tally memory tally)
    {
        tally = _newTally(workers.length);
        mapping(address worker => Bond) storage bonds = _bonds[terms.workerpool];
        for (uint256 i = 0; i < workers.length; ++i) {
            PostedVote storage vote = its.votes[workers[i]];
            uint8 kind = KIND_LOSER;
            if (vote.value == value && value > 0) {
                kind = !vote.opened ? KIND_ABSENT : vote.enclave == address(0) ? KIND_WINNER : KIND_ENCLAVE;
            }
            _addMember(tally, kind, workers[i], bonds[workers[i]].score);
        }
    }

    function _certify(
        Terms memory terms,
        Range memory range,
        Post storage its,
        address[] memory workers,
        uint256 value,
        Tally memory tally
    ) private {
        for (uint256 i = 0; i < workers.length; ++i) {
            bool lost = its.votes[workers[i]].value != value;
            tally.forfeited += _endVote(terms, range, its, workers[i], lost);
        }
        bool stalled = its.poster != terms.scheduler;
        _payRange(terms, range, tally, stalled);
        uint256 stake = _schedulerStake(terms.workerpoolPrice) * range.count;
        if (stalled) _seizeStake(terms, range, its.poster, stake);
        else _unlock(terms.scheduler, stake);
    }

    function _fail(Terms memory terms, Range memory range, Post storage its, address[] memory workers) private {
        _write(_records[range.firstTask], range.count, FAILED);
        uint256 sunk = 0;
        for (uint256 i = 0; i < workers.length; ++i) {
            bool lost = its.votes[workers[i]].value == 0;
            sunk += _endVote(terms, range, its, workers[i], lost);
        }
        _sink(sunk);
        _unlock(terms.sponsor, (terms.appPrice + terms.datasetPrice + terms.workerpoolPrice) * range.count);
        _seizeStake(terms, range, its.poster, _schedulerStake(terms.workerpoolPrice) * range.count);
        emit RangeFailed(range.dealid, range.first, range.count);
    }

    /// Gives a posted stake back, or takes it from whoever lost it, unless that was punished for this range before.
    function _endVote(Terms memory terms, Range memory range, Post storage its, address worker, bool lost)
        private
        returns (uint256 forfeited)
    {
        PostedVote storage vote = its.votes[worker];
        Bond storage bond = _bonds[terms.workerpool][worker];
        uint256 stake = vote.stake;
        if (!lost || !_isFirstFault(range.rid, worker)) {
            bond.amount += uint72(stake);
            return 0;
        }
        bond.score = 0;
        _forfeit(worker, stake);
        emit Slashed(terms.workerpool, worker, range.rid, stake, vote.value == 0 ? UNOPENED : LOSER);
        return stake;
    }

    /// What a scheduler that stalled loses: a tenth each for the first poster and the caller, the rest for the payer.
    function _seizeStake(Terms memory terms, Range memory range, address poster, uint256 stake) private {
        uint256 bounty = stake / 10;
        _forfeit(terms.scheduler, stake);
        _payReward(poster, bounty, range.rid);
        _payReward(msg.sender, bounty, range.rid);
        _payReward(terms.sponsor, stake - 2 * bounty, range.rid);
        _paid(stake);
        emit Slashed(terms.workerpool, terms.scheduler, range.rid, stake, STALL);
    }
}
