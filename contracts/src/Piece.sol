// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Store} from "./Store.sol";

/// The hub is larger than one contract may be (EIP-170), so it is a row of pieces at one address and over one
/// storage. Each answers the functions it knows and hands every other call to the next, by delegation. The row is
/// fixed at construction: there is no upgrade.
abstract contract Piece is Store {
    address private immutable NEXT;

    constructor(address next) {
        NEXT = next;
    }

    /// The hub keeps accounts in its token only.
    receive() external payable {
        revert("fallback-disabled");
    }

    // OpenZeppelin's Proxy does the same, but over memory that the compiler uses, which keeps it from moving the
    // variables of the other functions off the stack.
    fallback() external payable {
        address next = NEXT;
        assembly ("memory-safe") {
            let data := mload(0x40)
            calldatacopy(data, 0, calldatasize())
            let ok := delegatecall(gas(), next, data, calldatasize(), 0, 0)
            returndatacopy(data, 0, returndatasize())
            if iszero(ok) { revert(data, returndatasize()) }
            return(data, returndatasize())
        }
    }
}
