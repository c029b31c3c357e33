// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bonds} from "./Bonds.sol";
import {Piece} from "./Piece.sol";

/// The piece of the hub for what surrounds the certificate way: bonds, and what happens when a settlement is late or
/// contested.
contract Certificates is Piece, Bonds {
    constructor(address next) Piece(next) {}
}
