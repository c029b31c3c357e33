// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Piece} from "./Piece.sol";
import {Settling} from "./Settling.sol";
import {Tasks} from "./Tasks.sol";

/// The address of the market: it holds the money and the state. Of its functions it answers those that settle tasks,
/// either way, which are called most; the pieces behind it answer the others.
contract Hub is Piece, Tasks, Settling {
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    constructor(address next, address owner) Piece(next) {
        _owner = owner;
        emit OwnershipTransferred(address(0), owner);
    }
}
