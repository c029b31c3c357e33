// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// The constants of the protocol (PoCo 6).

// Deadlines, in multiples of the category's reference time, from the start of the deal (the reveal's: from consensus).
uint256 constant CONTRIBUTION_DEADLINE_RATIO = 7;
uint256 constant REVEAL_DEADLINE_RATIO = 2;
uint256 constant FINAL_DEADLINE_RATIO = 10;

// What a scheduler stakes for each task, in percent of the workerpool's price.
uint256 constant WORKERPOOL_STAKE_RATIO = 30;

// Stakes that schedulers lose gather in the kitty, and a finalized task takes from it this many percent, but at
// least KITTY_MIN. Nobody holds the kitty's key: the address is a hash, less one.
uint256 constant KITTY_RATIO = 10;
uint256 constant KITTY_MIN = 1e9;
address constant KITTY_ADDRESS = address(uint160(bytes20(keccak256("iExecKitty"))) - 1);

// ERC-734 purpose under which a group contract knows its members.
uint256 constant GROUPMEMBER_PURPOSE = 4;

uint256 constant DEFAULT_CALLBACK_GAS = 200_000;

bytes32 constant TAG_TEE = bytes32(uint256(1));
// Bits 1 to 3 name a TEE framework (Scone, Gramine, TDX). A dataset is content with any of them.
bytes32 constant TAG_TEE_FRAMEWORKS = bytes32(uint256(0xe));
