// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Matching} from "./Matching.sol";
import {Orders} from "./Orders.sol";
import {Piece} from "./Piece.sol";

/// The piece of the hub that deals with orders.
contract Market is Piece, Orders, Matching {
    constructor(address next) Piece(next) {}
}
