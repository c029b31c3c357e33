// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder} from "./Types.sol";

// The other contracts the hub talks to, each as far as the hub needs it.

/// The token's half of ERC-677: `approve` and a call to the spender in one transaction.
interface ITokenSpender {
    function receiveApproval(address sender, uint256 amount, address token, bytes calldata data)
        external
        returns (bool);
}

interface IOwned {
    function owner() external view returns (address);
}

interface IRegistry {
    function isRegistered(address entry) external view returns (bool);
    /// The owner of a registered asset; zero for anything else.
    function registeredOwner(address entry) external view returns (address);
    function ownerOf(uint256 tokenId) external view returns (address);
}

interface IApp is IOwned {
    function m_appName() external view returns (string memory);
    function m_appType() external view returns (string memory);
    function m_appMultiaddr() external view returns (bytes memory);
    function m_appChecksum() external view returns (bytes32);
    function m_appMREnclave() external view returns (bytes memory);
}

interface IDataset is IOwned {
    function m_datasetName() external view returns (string memory);
    function m_datasetMultiaddr() external view returns (bytes memory);
    function m_datasetChecksum() external view returns (bytes32);
}

interface IWorkerpool is IOwned {
    function m_workerpoolDescription() external view returns (string memory);
    /// Stake asked of a worker for each task, in percent of the workerpool's price.
    function m_workerStakeRatioPolicy() external view returns (uint256);
    /// The scheduler's part of the reward, in percent.
    function m_schedulerRewardRatioPolicy() external view returns (uint256);
}

/// ERC-734 key holder, used as a group: a member is a key with purpose 4.
interface IGroup {
    function keyHasPurpose(bytes32 key, uint256 purpose) external view returns (bool);
}

/// ERC-1154 consumer of results.
interface IResultConsumer {
    function receiveResult(bytes32 id, bytes calldata result) external;
}

/// An older hub from which scores may be imported.
interface IScoreSource {
    function viewScore(address worker) external view returns (uint256);
}

/// The part of the hub that one of its pieces asks of another.
interface IMatching {
    function matchOrders(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external returns (bytes32 dealid);
}
