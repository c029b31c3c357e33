// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Ledger, Store} from "./Store.sol";

/// The moves of money inside the hub. Locked amounts count in the hub's own balance, so the sum of all balances is
/// the total supply, and the supply is what the hub holds of the token.
abstract contract Escrow is Store {
    using SafeCast for uint256;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Lock(address owner, uint256 amount);
    event Unlock(address owner, uint256 amount);
    event Reward(address owner, uint256 amount, bytes32 ref);
    event Seize(address owner, uint256 amount, bytes32 ref);

    function _mint(address to, uint256 value) internal {
        require(to != address(0), "ERC20: mint to the zero address");
        _totalSupply += value;
        _credit(to, value);
        emit Transfer(address(0), to, value);
    }

    function _burn(address from, uint256 value) internal {
        require(from != address(0), "ERC20: burn from the zero address");
        _debitOrRevertBare(from, value);
        _totalSupply -= value;
        emit Transfer(from, address(0), value);
    }

    function _lock(address account, uint256 amount) internal {
        _escrowTransfer(account, address(this), amount);
        _addLocked(account, amount);
        emit Lock(account, amount);
    }

    function _unlock(address account, uint256 amount) internal {
        _escrowTransfer(address(this), account, amount);
        _subLocked(account, amount);
        emit Unlock(account, amount);
    }

    function _reward(address account, uint256 amount, bytes32 ref) internal {
        _escrowTransfer(address(this), account, amount);
        emit Reward(account, amount, ref);
    }

    /// The amount stays in the hub's balance, for a `_reward` to hand out.
    function _seize(address account, uint256 amount, bytes32 ref) internal {
        _subLocked(account, amount);
        emit Seize(account, amount, ref);
    }

    /// Seizes without a word: for those whose own event tells more.
    function _forfeit(address account, uint256 amount) internal {
        _subLocked(account, amount);
    }

    /// Pays out of the hub's balance. The payer of many subtracts the sum from that balance with `_paid`.
    function _pay(address account, uint256 amount) internal {
        _credit(account, amount);
        emit Transfer(address(this), account, amount);
    }

    function _payReward(address account, uint256 amount, bytes32 ref) internal {
        _pay(account, amount);
        emit Reward(account, amount, ref);
    }

    function _paid(uint256 sum) internal {
        Ledger storage ledger = _ledgers[address(this)];
        ledger.free = (ledger.free - sum).toUint112();
    }

    /// Locks for `account` what `from` had free.
    function _lockFor(address from, address account, uint256 amount) internal {
        _escrowTransfer(from, address(this), amount);
        _addLocked(account, amount);
        emit Lock(account, amount);
    }

    /// Locks for `account` an amount that was seized from somebody else.
    function _lockSeized(address account, uint256 amount, bytes32 ref) internal {
        _addLocked(account, amount);
        emit Reward(account, amount, ref);
        emit Lock(account, amount);
    }

    function _credit(address account, uint256 value) internal {
        Ledger storage ledger = _ledgers[account];
        ledger.free = (ledger.free + value).toUint112();
    }

    /// Without a message: what PoCo's token does, and its clients expect.
    function _debitOrRevertBare(address account, uint256 value) internal {
        Ledger storage ledger = _ledgers[account];
        uint256 free = ledger.free;
        require(free >= value);
        unchecked {
            ledger.free = uint112(free - value);
        }
    }

    function _escrowTransfer(address from, address to, uint256 value) private {
        require(from != address(0), "IexecEscrow: Transfer from empty address");
        require(to != address(0), "IexecEscrow: Transfer to empty address");
        Ledger storage ledger = _ledgers[from];
        uint256 free = ledger.free;
        require(free >= value, "IexecEscrow: Transfer amount exceeds balance");
        unchecked {
            ledger.free = uint112(free - value);
        }
        _credit(to, value);
        emit Transfer(from, to, value);
    }

    function _addLocked(address account, uint256 amount) private {
        Ledger storage ledger = _ledgers[account];
        ledger.locked = (ledger.locked + amount).toUint112();
    }

    function _subLocked(address account, uint256 amount) private {
        Ledger storage ledger = _ledgers[account];
        ledger.locked = (ledger.locked - amount).toUint112();
    }
}
