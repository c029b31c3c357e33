// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Accessors} from "./Accessors.sol";
import {Bonds} from "./Bonds.sol";
import {Configuration} from "./Configuration.sol";
import {LegacyAccessors} from "./LegacyAccessors.sol";

/// The last piece of the hub: its views, the bonds of workers, and what the owner may do.
contract Views is Configuration, Bonds, Accessors, LegacyAccessors {
    receive() external payable {
        revert("fallback-disabled");
    }

    fallback() external payable {
        revert("fallback-disabled");
    }
}
