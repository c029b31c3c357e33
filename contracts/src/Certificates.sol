// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Evidence} from "./Evidence.sol";
import {Fallback} from "./Fallback.sol";
import {Piece} from "./Piece.sol";

/// The piece of the hub for ranges whose settlement is late or contested.
contract Certificates is Piece, Fallback, Evidence {
    constructor(address next) Piece(next) {}
}
