// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Piece} from "./Piece.sol";
import {Tasks} from "./Tasks.sol";
import {Token} from "./Token.sol";

/// The address of the market: it holds the money and the state, and answers for escrow and for tasks. Orders and
/// views are with the pieces behind it.
contract Hub is Piece, Token, Tasks {
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    constructor(address next, address owner) Piece(next) {
        _owner = owner;
        emit OwnershipTransferred(address(0), owner);
    }
}
