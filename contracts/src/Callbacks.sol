// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IResultConsumer} from "./interfaces.sol";
import {Terms} from "./DealCode.sol";
import {Store} from "./Store.sol";

/// The one call that leaves the hub for a contract of a deal's choice. It is the last thing its caller does.
abstract contract Callbacks is Store {
    /// Hands the result to the deal's contract (ERC-1154), whatever it does with it. The caller must have brought
    /// enough gas: when less than 1/63 of the callback's is left, the callback may have had less than its due (EIP-150).
    function _callBack(bytes32 taskid, Terms memory terms, bytes calldata resultsCallback) internal {
        if (terms.callback == address(0)) return;
        uint256 callbackGas = _callbackGas;
        bytes memory data = abi.encodeCall(IResultConsumer.receiveResult, (taskid, resultsCallback));
        address target = terms.callback;
        assembly ("memory-safe") {
            // Of its answer nothing is copied: a target cannot make the settlement pay for a long one.
            pop(call(callbackGas, target, 0, add(data, 0x20), mload(data), 0, 0))
        }
        assert(gasleft() > callbackGas / 63);
    }
}
