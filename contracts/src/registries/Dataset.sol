// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataset, IRegistry} from "../interfaces.sol";
import {Asset} from "./Asset.sol";
import {Registry} from "./Registry.sol";

/// A dataset: where its (usually encrypted) bytes are, and their digest.
contract Dataset is Asset, IDataset {
    constructor(IRegistry registry_) Asset(registry_) {}

    /// A dataset is born with its description.
    function initialize(string calldata, bytes calldata, bytes32) external pure {
        revert("already initialized");
    }

    function m_datasetName() external view returns (string memory name) {
        (name,,) = _fields();
    }

    function m_datasetMultiaddr() external view returns (bytes memory multiaddr) {
        (, multiaddr,) = _fields();
    }

    function m_datasetChecksum() external view returns (bytes32 checksum) {
        (,, checksum) = _fields();
    }

    function _fields() private view returns (string memory, bytes memory, bytes32) {
        return abi.decode(_description(), (string, bytes, bytes32));
    }
}

contract DatasetRegistry is Registry {
    constructor(address owner_)
        Registry(owner_, address(new Dataset(this)), "iExec Dataset Registry (V5)", "iExecDatasetsV5")
    {}

    function createDataset(
        address datasetOwner,
        string calldata datasetName,
        bytes calldata datasetMultiaddr,
        bytes32 datasetChecksum
    ) external returns (address) {
        bytes memory description = abi.encode(datasetName, datasetMultiaddr, datasetChecksum);
        return _create(datasetOwner, description, _salt(datasetOwner, description));
    }

    function predictDataset(
        address datasetOwner,
        string calldata datasetName,
        bytes calldata datasetMultiaddr,
        bytes32 datasetChecksum
    ) external view returns (address) {
        bytes memory description = abi.encode(datasetName, datasetMultiaddr, datasetChecksum);
        return _predict(description, _salt(datasetOwner, description));
    }

    function _salt(address datasetOwner, bytes memory description) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(Dataset.initialize.selector, description, datasetOwner));
    }
}
