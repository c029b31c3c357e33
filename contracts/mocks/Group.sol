// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// A group of accounts (ERC-734): whoever was given a purpose has it.
contract Group {
    mapping(bytes32 key => mapping(uint256 purpose => bool)) public keyHasPurpose;

    function setKeyHasPurpose(bytes32 key, uint256 purpose) external {
        keyHasPurpose[key][purpose] = true;
    }
}
