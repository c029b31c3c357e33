// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IApp, IOwned, IRegistry} from "../interfaces.sol";
import {Asset} from "./Asset.sol";
import {Registry} from "./Registry.sol";

/// An application: where its code is, what the code's digest is, and what an enclave should measure.
contract App is Asset, IApp {
    constructor(IRegistry registry_) Asset(registry_) {}

    /// An app is born with its description.
    function initialize(string calldata, string calldata, bytes calldata, bytes32, bytes calldata) external pure {
        revert("already initialized");
    }

    function m_appName() external view returns (string memory name) {
        (name,,,,) = _fields();
    }

    function m_appType() external view returns (string memory kind) {
        (, kind,,,) = _fields();
    }

    function m_appMultiaddr() external view returns (bytes memory multiaddr) {
        (,, multiaddr,,) = _fields();
    }

    function m_appChecksum() external view returns (bytes32 checksum) {
        (,,, checksum,) = _fields();
    }

    function m_appMREnclave() external view returns (bytes memory mrenclave) {
        (,,,, mrenclave) = _fields();
    }

    function _fields() private view returns (string memory, string memory, bytes memory, bytes32, bytes memory) {
        return abi.decode(_description(), (string, string, bytes, bytes32, bytes));
    }
}

contract AppRegistry is Registry {
    constructor(address owner_)
        Registry(owner_, address(new App(this)), "iExec Application Registry (V5)", "iExecAppsV5")
    {}

    function createApp(
        address appOwner,
        string calldata appName,
        string calldata appType,
        bytes calldata appMultiaddr,
        bytes32 appChecksum,
        bytes calldata appMREnclave
    ) external returns (address) {
        bytes memory description = abi.encode(appName, appType, appMultiaddr, appChecksum, appMREnclave);
        return _create(appOwner, description, _salt(appOwner, description));
    }

    function predictApp(
        address appOwner,
        string calldata appName,
        string calldata appType,
        bytes calldata appMultiaddr,
        bytes32 appChecksum,
        bytes calldata appMREnclave
    ) external view returns (address) {
        bytes memory description = abi.encode(appName, appType, appMultiaddr, appChecksum, appMREnclave);
        return _predict(description, _salt(appOwner, description));
    }

    function _salt(address appOwner, bytes memory description) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(App.initialize.selector, description, appOwner));
    }
}
