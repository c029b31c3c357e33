// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Matching} from "./Matching.sol";
import {Orders} from "./Orders.sol";
import {Piece} from "./Piece.sol";
import {Token} from "./Token.sol";

/// The piece of the hub for all that comes before a task: money, orders, deals.
contract Market is Piece, Token, Orders, Matching {
    constructor(address next) Piece(next) {}
}
