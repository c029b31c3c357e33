// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ITokenSpender} from "./interfaces.sol";

/// A token like RLC for chains that have none: 87 million, with 9 decimals, all given to one holder.
contract RLC is ERC20 {
    constructor(address holder) ERC20("iExec Network Token", "RLC") {
        _mint(holder, 87_000_000 * 1e9);
    }

    function decimals() public pure override returns (uint8) {
        return 9;
    }

    /// Approves, and lets the spender act on it in the same transaction (the call of ERC-677).
    function approveAndCall(address spender, uint256 value, bytes calldata data) external returns (bool) {
        approve(spender, value);
        require(ITokenSpender(spender).receiveApproval(msg.sender, value, address(this), data), "approval-refused");
        return true;
    }
}
