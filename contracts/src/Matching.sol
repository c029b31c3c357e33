// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder} from "./Types.sol";
import {GROUPMEMBER_PURPOSE, MARK, TAG_TEE, TAG_TEE_FRAMEWORKS} from "./Rules.sol";
import {IGroup, IMatching, IOwned, IRegistry, IWorkerpool} from "./interfaces.sol";
import {BlobMaker} from "./Blob.sol";
import {DealCode, Terms} from "./DealCode.sol";
import {OrderHash} from "./OrderHash.sol";
import {Settlement} from "./Settlement.sol";
import {Signatures} from "./Signatures.sol";

/// Four orders that fit make a deal.
abstract contract Matching is BlobMaker, IMatching, Settlement, Signatures {
    using OrderHash for *;

    event SchedulerNotice(address indexed workerpool, bytes32 dealid);
    event OrdersMatched(
        bytes32 dealid, bytes32 appHash, bytes32 datasetHash, bytes32 workerpoolHash, bytes32 requestHash, uint256 volume
    );
    event DealSponsored(bytes32 dealId, address sponsor);

    error IncompatibleDatasetOrder(string reason);

    /// Digests of the four orders: keys of what is consumed of them.
    struct Digests {
        bytes32 app;
        bytes32 dataset; // zero without a dataset
        bytes32 workerpool;
        bytes32 request;
    }

    /// Paid by the requester. Anyone that holds four orders may match them.
    function matchOrders(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external returns (bytes32) {
        return _match(apporder, datasetorder, workerpoolorder, requestorder, requestorder.requester);
    }

    /// Paid by the caller.
    function sponsorMatchOrders(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external returns (bytes32 dealid) {
        dealid = _match(apporder, datasetorder, workerpoolorder, requestorder, msg.sender);
        emit DealSponsored(dealid, msg.sender);
    }

    /// How many tasks a match of these orders would make, as far as volumes go: nothing else is checked.
    function computeDealVolume(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external view returns (uint256 volume) {
        Digests memory digests = _digests(apporder, datasetorder, workerpoolorder, requestorder);
        volume = _remaining(apporder.volume, digests.app);
        if (digests.dataset != 0) volume = Math.min(volume, _remaining(datasetorder.volume, digests.dataset));
        volume = Math.min(volume, _remaining(workerpoolorder.volume, digests.workerpool));
        volume = Math.min(volume, _remaining(requestorder.volume, digests.request));
    }

    /// Reverts with the reason when the dataset's owner did not offer it to deals like this one. For deals that
    /// process datasets in bulk: nothing is consumed and nothing is paid.
    function assertDatasetDealCompatibility(DatasetOrder calldata datasetOrder, bytes32 dealId) external view {
        bytes32 digest = OrderHash.domainSeparator().typed(datasetOrder.hash());
        _requireFit(_consumed[digest] < datasetOrder.volume, "Dataset order is revoked or fully consumed");
        _requireFit(
            _presignedOrSigned(IOwned(datasetOrder.dataset).owner(), digest, datasetOrder.sign),
            "Invalid dataset order signature"
        );
        Terms memory terms = DealCode.terms(_blobAt(dealId));
        _requireFit(terms.requester != address(0), "Deal not found");
        _requireFit(terms.dataset == address(0), "Deal already has a dataset");
        _requireFit(_admits(datasetOrder.apprestrict, terms.app), "App restriction not satisfied");
        _requireFit(
            _admits(datasetOrder.workerpoolrestrict, terms.workerpool), "Workerpool restriction not satisfied"
        );
        _requireFit(_admits(datasetOrder.requesterrestrict, terms.requester), "Requester restriction not satisfied");
        _requireFit(
            datasetOrder.tag & ~TAG_TEE_FRAMEWORKS & ~terms.tag == 0, "Tag compatibility not satisfied"
        );
    }

    function _match(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder,
        address sponsor
    ) private returns (bytes32 dealid) {
        Terms memory terms;
        terms.tag = _requireCompatible(apporder, datasetorder, workerpoolorder, requestorder);
        Digests memory digests = _digests(apporder, datasetorder, workerpoolorder, requestorder);

        terms.app = apporder.app;
        terms.appPrice = apporder.appprice;
        terms.appOwner = _registered(_appRegistry, terms.app, "iExecV5-matchOrders-0x20");
        require(
            _presignedOrSigned(terms.appOwner, digests.app, apporder.sign), "iExecV5-matchOrders-0x21"
        );
        if (digests.dataset != 0) {
            terms.dataset = datasetorder.dataset;
            terms.datasetPrice = datasetorder.datasetprice;
            terms.datasetOwner = _registered(_datasetRegistry, terms.dataset, "iExecV5-matchOrders-0x30");
            require(
                _presignedOrSigned(terms.datasetOwner, digests.dataset, datasetorder.sign),
                "iExecV5-matchOrders-0x31"
            );
        }
        terms.workerpool = workerpoolorder.workerpool;
        terms.workerpoolPrice = workerpoolorder.workerpoolprice;
        terms.scheduler = _registered(_workerpoolRegistry, terms.workerpool, "iExecV5-matchOrders-0x40");
        require(
            _presignedOrSigned(terms.scheduler, digests.workerpool, workerpoolorder.sign), "iExecV5-matchOrders-0x41"
        );
        terms.requester = requestorder.requester;
        require(
            _presignedOrSigned(terms.requester, digests.request, requestorder.sign), "iExecV5-matchOrders-0x50"
        );
        terms.sponsor = sponsor;

        _consume(terms, digests, apporder.volume, datasetorder.volume, workerpoolorder.volume, requestorder.volume);
        _makeDeal(terms, requestorder);
        dealid = terms.dealid;

        _lock(sponsor, (terms.appPrice + terms.datasetPrice + terms.workerpoolPrice) * terms.botSize);
        _lock(terms.scheduler, _schedulerStake(terms.workerpoolPrice) * terms.botSize);
        emit SchedulerNotice(terms.workerpool, dealid);
        emit OrdersMatched(
            dealid, digests.app, digests.dataset, digests.workerpool, digests.request, terms.botSize
        );
    }

    /// The tag of the deal: what any of the parties asks for.
    function _requireCompatible(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) private view returns (bytes32 tag) {
        require(requestorder.category == workerpoolorder.category, "iExecV5-matchOrders-0x00");
        require(requestorder.category < _categories.length, "iExecV5-matchOrders-0x01");
        require(requestorder.trust <= workerpoolorder.trust, "iExecV5-matchOrders-0x02");
        require(requestorder.appmaxprice >= apporder.appprice, "iExecV5-matchOrders-0x03");
        require(requestorder.datasetmaxprice >= datasetorder.datasetprice, "iExecV5-matchOrders-0x04");
        require(requestorder.workerpoolmaxprice >= workerpoolorder.workerpoolprice, "iExecV5-matchOrders-0x05");
        tag = apporder.tag | (datasetorder.tag & ~TAG_TEE_FRAMEWORKS) | requestorder.tag;
        require(tag & ~workerpoolorder.tag == 0, "iExecV5-matchOrders-0x06");
        require((tag ^ apporder.tag) & TAG_TEE == 0, "iExecV5-matchOrders-0x07");

        address app = apporder.app;
        address dataset = datasetorder.dataset;
        address workerpool = workerpoolorder.workerpool;
        address requester = requestorder.requester;
        require(requestorder.app == app, "iExecV5-matchOrders-0x10");
        require(requestorder.dataset == dataset, "iExecV5-matchOrders-0x11");
        require(_admits(requestorder.workerpool, workerpool), "iExecV5-matchOrders-0x12");
        require(_admits(apporder.datasetrestrict, dataset), "iExecV5-matchOrders-0x13");
        require(_admits(apporder.workerpoolrestrict, workerpool), "iExecV5-matchOrders-0x14");
        require(_admits(apporder.requesterrestrict, requester), "iExecV5-matchOrders-0x15");
        require(_admits(datasetorder.apprestrict, app), "iExecV5-matchOrders-0x16");
        require(_admits(datasetorder.workerpoolrestrict, workerpool), "iExecV5-matchOrders-0x17");
        require(_admits(datasetorder.requesterrestrict, requester), "iExecV5-matchOrders-0x18");
        require(_admits(workerpoolorder.apprestrict, app), "iExecV5-matchOrders-0x19");
        require(_admits(workerpoolorder.datasetrestrict, dataset), "iExecV5-matchOrders-0x1a");
        require(_admits(workerpoolorder.requesterrestrict, requester), "iExecV5-matchOrders-0x1b");
    }

    function _digests(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) private view returns (Digests memory digests) {
        bytes32 separator = OrderHash.domainSeparator();
        digests.app = separator.typed(apporder.hash());
        if (datasetorder.dataset != address(0)) digests.dataset = separator.typed(datasetorder.hash());
        digests.workerpool = separator.typed(workerpoolorder.hash());
        digests.request = separator.typed(requestorder.hash());
    }

    /// Takes from every order what the one with least left has left.
    function _consume(
        Terms memory terms,
        Digests memory digests,
        uint256 appVolume,
        uint256 datasetVolume,
        uint256 workerpoolVolume,
        uint256 requestVolume
    ) private {
        uint256 app = _consumed[digests.app];
        uint256 workerpool = _consumed[digests.workerpool];
        uint256 request = _consumed[digests.request];
        uint256 dataset;
        uint256 volume = Math.min(appVolume - app, Math.min(workerpoolVolume - workerpool, requestVolume - request));
        if (digests.dataset != 0) {
            dataset = _consumed[digests.dataset];
            volume = Math.min(volume, datasetVolume - dataset);
        }
        require(volume > 0, "iExecV5-matchOrders-0x60");

        _consumed[digests.app] = app + volume;
        if (digests.dataset != 0) _consumed[digests.dataset] = dataset + volume;
        _consumed[digests.workerpool] = workerpool + volume;
        _consumed[digests.request] = request + volume;
        terms.dealid = keccak256(abi.encodePacked(digests.request, request));
        terms.botFirst = request;
        terms.botSize = volume;
    }

    function _makeDeal(Terms memory terms, RequestOrder calldata requestorder) private {
        IWorkerpool pool = IWorkerpool(terms.workerpool);
        terms.startTime = block.timestamp;
        terms.category = requestorder.category;
        terms.timeref = _categories[requestorder.category].workClockTimeRef;
        terms.trust = Math.max(requestorder.trust, 1);
        terms.workerStake = terms.workerpoolPrice * pool.m_workerStakeRatioPolicy() / 100;
        terms.schedulerRewardRatio = pool.m_schedulerRewardRatioPolicy();
        terms.beneficiary = requestorder.beneficiary;
        terms.callback = requestorder.callback;
        terms.marked = bytes12(requestorder.salt) == MARK;
        _makeBlob(terms.dealid, DealCode.encode(terms, requestorder.params));
    }

    /// The owner of a registered asset.
    function _registered(IRegistry registry, address asset, string memory otherwise)
        private
        view
        returns (address owner)
    {
        owner = registry.registeredOwner(asset);
        if (owner == address(0)) {
            IOwned(asset).owner(); // what is no asset at all reverts here, without a message, as in PoCo
            revert(otherwise);
        }
    }

    /// Whether a restriction admits an account: none, the account itself, or an ERC-734 group it is a member of.
    function _admits(address restriction, address account) private view returns (bool) {
        if (restriction == address(0) || restriction == account) return true;
        if (restriction.code.length == 0) return false;
        try IGroup(restriction).keyHasPurpose(bytes32(uint256(uint160(account))), GROUPMEMBER_PURPOSE) returns (
            bool member
        ) {
            return member;
        } catch {
            return false;
        }
    }

    function _remaining(uint256 volume, bytes32 digest) private view returns (uint256) {
        return volume - _consumed[digest];
    }

    function _requireFit(bool condition, string memory reason) private pure {
        if (!condition) revert IncompatibleDatasetOrder(reason);
    }
}
