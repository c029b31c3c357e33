// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IMatching, ITokenSpender} from "./interfaces.sol";
import {Escrow} from "./Escrow.sol";
import {AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder} from "./Types.sol";

/// Staked RLC: an ERC-20 minted one to one for RLC deposited with the hub, burnt when it is withdrawn.
abstract contract Token is Escrow, ReentrancyGuardTransient, ITokenSpender {
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error CallerIsNotTheRequester();
    error OperationFailed();
    error UnsupportedOperation(bytes4 selector);

    function transfer(address to, uint256 value) external returns (bool) {
        _transfer(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _transfer(from, to, value);
        _approve(from, msg.sender, _reduced(_allowances[from][msg.sender], value));
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        return true;
    }

    function increaseAllowance(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, _allowances[msg.sender][spender] + value);
        return true;
    }

    function decreaseAllowance(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, _reduced(_allowances[msg.sender][spender], value));
        return true;
    }

    function approveAndCall(address spender, uint256 value, bytes calldata data) external returns (bool) {
        _approve(msg.sender, spender, value);
        require(ITokenSpender(spender).receiveApproval(msg.sender, value, address(this), data), "approval-refused");
        return true;
    }

    function deposit(uint256 amount) external nonReentrant returns (bool) {
        _deposit(msg.sender, amount, msg.sender);
        return true;
    }

    function depositFor(uint256 amount, address target) external nonReentrant returns (bool) {
        _deposit(msg.sender, amount, target);
        return true;
    }

    function depositForArray(uint256[] calldata amounts, address[] calldata targets)
        external
        nonReentrant
        returns (bool)
    {
        require(amounts.length == targets.length, "invalid-array-length");
        for (uint256 i = 0; i < amounts.length; ++i) {
            _deposit(msg.sender, amounts[i], targets[i]);
        }
        return true;
    }

    function withdraw(uint256 amount) external nonReentrant returns (bool) {
        _withdraw(amount, msg.sender);
        return true;
    }

    function withdrawTo(uint256 amount, address target) external nonReentrant returns (bool) {
        _withdraw(amount, target);
        return true;
    }

    /// Mints to the owner the RLC that was sent to the hub outside of a deposit. Nobody else's money is in it.
    function recover() external nonReentrant returns (uint256 surplus) {
        require(msg.sender == _owner, "Ownable: caller is not the owner");
        surplus = _token.balanceOf(address(this)) - _totalSupply;
        _mint(msg.sender, surplus);
    }

    /// Deposits what `sender` approved, then matches orders if `data` is a call of `matchOrders` by that requester.
    /// The token calls it for `approveAndCall`; so may anyone, to the same effect.
    function receiveApproval(address sender, uint256 amount, address token, bytes calldata data)
        external
        returns (bool)
    {
        require(token == address(_token), "wrong-token");
        _depositApproved(sender, amount);
        if (data.length > 0) _matchFor(sender, data);
        return true;
    }

    function _matchFor(address requester, bytes calldata data) private {
        bytes4 selector = bytes4(data[:4]);
        if (selector != IMatching.matchOrders.selector) revert UnsupportedOperation(selector);
        (,,, RequestOrder memory request) =
            abi.decode(data[4:], (AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder));
        if (request.requester != requester) revert CallerIsNotTheRequester();
        (bool ok, bytes memory reason) = address(this).delegatecall(data);
        if (ok) return;
        if (reason.length == 0) revert OperationFailed();
        assembly ("memory-safe") {
            revert(add(reason, 0x20), mload(reason))
        }
    }

    function _depositApproved(address sender, uint256 amount) private nonReentrant {
        _deposit(sender, amount, sender);
    }

    function _deposit(address from, uint256 amount, address target) private {
        require(_token.transferFrom(from, address(this), amount), "failed-transferFrom");
        _mint(target, amount);
    }

    function _withdraw(uint256 amount, address target) private {
        _burn(msg.sender, amount);
        require(_token.transfer(target, amount), "failed-transfer");
    }

    function _transfer(address from, address to, uint256 value) private {
        require(from != address(0), "ERC20: transfer from the zero address");
        require(to != address(0), "ERC20: transfer to the zero address");
        _debitOrRevertBare(from, value);
        _credit(to, value);
        emit Transfer(from, to, value);
    }

    function _approve(address owner, address spender, uint256 value) private {
        require(owner != address(0), "ERC20: approve from the zero address");
        require(spender != address(0), "ERC20: approve to the zero address");
        _allowances[owner][spender] = value;
        emit Approval(owner, spender, value);
    }

    function _reduced(uint256 allowed, uint256 value) private pure returns (uint256) {
        require(allowed >= value);
        return allowed - value;
    }
}
