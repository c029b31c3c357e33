// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IOwned, IRegistry} from "../interfaces.sol";

/// What an app, a dataset and a workerpool have in common: code shared by all of a kind, run through one proxy each.
/// An asset does not know its owner, its registry does.
abstract contract Asset is IOwned {
    IRegistry public immutable registry;

    modifier onlyOwner() {
        require(msg.sender == owner(), "caller is not the owner");
        _;
    }

    constructor(IRegistry registry_) {
        registry = registry_;
    }

    function owner() public view returns (address) {
        return registry.ownerOf(uint256(uint160(address(this))));
    }

    /// Part of the interface from the time when assets had ENS names.
    function setName(address, string calldata) external view onlyOwner {
        revert("Operation not supported on this chain");
    }

    /// What the registry appended to this proxy's code.
    function _description() internal view returns (bytes memory) {
        return Clones.fetchCloneArgs(address(this));
    }
}
