// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {UNBONDING_DELAY} from "./Rules.sol";
import {Bonding} from "./Bonding.sol";
import {Certificate} from "./Certificate.sol";
import {Bond} from "./Store.sol";

/// Bonds of workers, each in one pool: given at once, given back a week after they were asked back, which is longer than
/// anything that was signed before can be held against them.
abstract contract Bonds is Bonding, ReentrancyGuardTransient {
    using SafeCast for uint256;

    event Bonded(address indexed workerpool, address indexed worker, uint256 amount);
    event Unbonding(address indexed workerpool, address indexed worker, uint256 amount, uint256 readyAt);

    function bond(address workerpool, uint256 amount) external nonReentrant {
        _bond(workerpool, msg.sender, amount);
    }

    /// From the caller's money, which becomes the worker's.
    function bondFor(address workerpool, address worker, uint256 amount) external nonReentrant {
        _bond(workerpool, worker, amount);
    }

    function unbond(address workerpool, uint256 amount) external nonReentrant {
        _unbond(workerpool, msg.sender, amount);
    }

    /// On a signed request, which anybody may bring until `deadline`.
    function unbondFor(address worker, address workerpool, uint256 amount, uint256 deadline, bytes calldata sign)
        external
        nonReentrant
    {
        if (block.timestamp > deadline) revert TooLate(deadline);
        uint32 nonce = _bonds[workerpool][worker].nonce++;
        if (!Certificate.signedBy(worker, Certificate.unbonding(workerpool, amount, nonce, deadline), sign)) {
            revert BadSignature(worker);
        }
        _unbond(workerpool, worker, amount);
    }

    /// Anybody may; the worker is paid.
    function withdrawBond(address workerpool, address worker) external nonReentrant {
        Bond storage its = _bonds[workerpool][worker];
        if (block.timestamp < its.readyAt) revert TooEarly(its.readyAt);
        uint256 amount = its.pending;
        its.pending = 0;
        _unlock(worker, amount);
    }

    function _bond(address workerpool, address worker, uint256 amount) private {
        Bond storage its = _bonds[workerpool][worker];
        its.amount = (its.amount + amount).toUint72();
        _lockFor(msg.sender, worker, amount);
        emit Bonded(workerpool, worker, amount);
    }

    /// The clock starts anew for all that is asked back.
    function _unbond(address workerpool, address worker, uint256 amount) private {
        Bond storage its = _bonds[workerpool][worker];
        if (amount > its.amount) revert Underbonded(worker);
        uint256 readyAt = block.timestamp + UNBONDING_DELAY;
        its.amount -= uint72(amount);
        its.pending = (its.pending + amount).toUint72();
        its.readyAt = uint40(readyAt);
        emit Unbonding(workerpool, worker, amount, readyAt);
    }
}
