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

// The certificate way (see Settling.sol). Its clock, too, runs in multiples of the category's reference time.
uint256 constant POSTING_DEADLINE_RATIO = 8;
uint256 constant OPENING_DEADLINE_RATIO = 9;

// A deal with a longer clock cannot be settled this way: a bond asked back would be gone before the last slash.
uint256 constant LONGEST_TIMEREF = 36_000;
uint256 constant HIGHEST_TRUST = 1 << 64; // so that the products of weights and trust fit 256 bits
uint256 constant LONGEST_RANGE = 4_096;
uint256 constant MOST_MEMBERS = 32;
uint256 constant MOST_POSTS = 48;

// A vote risks the stakes of its tasks, but at least this many.
uint256 constant LEAST_RISK = 10;
// Reputation does not vote in a dispute: every member weighs this, and trust is at least DISPUTE_TRUST.
uint256 constant NEWCOMERS_WEIGHT = 2;
uint256 constant DISPUTE_TRUST = 10;
uint256 constant HIGHEST_SCORE = 32;

uint256 constant UNBONDING_DELAY = 604_800;
// How long after a settlement it can be contested, and a scheduler's stake is kept for that.
uint256 constant EVIDENCE_TIME = 172_800;
uint256 constant AUDIT_EPOCH = 86_400;

// Forfeited stakes that nobody may have any more: an ordinary account whose key nobody knows.
address constant SINK_ADDRESS = 0x000000000000000000000000000000000000dEaD;

// A request whose salt starts so makes a marked deal: no marker for each of its tasks, and stakes seized by claims go
// to the payer.
bytes12 constant MARK = bytes12(keccak256("canut.certificate.1"));
