// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Account, Category, Contribution, ContributionStatus, Deal, Task, TaskStatus} from "./Types.sol";
import {Accessors} from "./Accessors.sol";

/// The same data flattened, for clients whose ABI decoders know no structs.
abstract contract LegacyAccessors is Accessors {
    function viewAccountABILegacy(address user) external view returns (uint256, uint256) {
        Account memory account = viewAccount(user);
        return (account.stake, account.locked);
    }

    function viewCategoryABILegacy(uint256 catid) external view returns (string memory, string memory, uint256) {
        Category memory category = _categories[catid];
        return (category.name, category.description, category.workClockTimeRef);
    }

    function viewConfigABILegacy(bytes32 id)
        external
        view
        returns (uint256, uint256, uint256, uint256, uint256, uint256)
    {
        Deal memory d = viewDeal(id);
        return (d.category, d.startTime, d.botFirst, d.botSize, d.workerStake, d.schedulerRewardRatio);
    }

    function viewContributionABILegacy(bytes32 id, address worker)
        external
        view
        returns (ContributionStatus, bytes32, bytes32, address)
    {
        Contribution memory c = viewContribution(id, worker);
        return (c.status, c.resultHash, c.resultSeal, c.enclaveChallenge);
    }

    function viewDealABILegacy_pt1(bytes32 id)
        external
        view
        returns (address, address, uint256, address, address, uint256, address, address, uint256)
    {
        Deal memory d = viewDeal(id);
        return (
            d.app.pointer,
            d.app.owner,
            d.app.price,
            d.dataset.pointer,
            d.dataset.owner,
            d.dataset.price,
            d.workerpool.pointer,
            d.workerpool.owner,
            d.workerpool.price
        );
    }

    function viewDealABILegacy_pt2(bytes32 id)
        external
        view
        returns (uint256, bytes32, address, address, address, string memory)
    {
        Deal memory d = viewDeal(id);
        return (d.trust, d.tag, d.requester, d.beneficiary, d.callback, d.params);
    }

    function viewTaskABILegacy(bytes32 id)
        external
        view
        returns (
            TaskStatus,
            bytes32,
            uint256,
            uint256,
            uint256,
            uint256,
            uint256,
            bytes32,
            uint256,
            uint256,
            address[] memory,
            bytes memory
        )
    {
        Task memory t = viewTask(id);
        return (
            t.status,
            t.dealid,
            t.idx,
            t.timeref,
            t.contributionDeadline,
            t.revealDeadline,
            t.finalDeadline,
            t.consensusValue,
            t.revealCounter,
            t.winnerCounter,
            t.contributors,
            t.results
        );
    }
}
