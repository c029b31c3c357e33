// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AppOrder,
    AppOrderOperation,
    DatasetOrder,
    DatasetOrderOperation,
    OrderOperation,
    RequestOrder,
    RequestOrderOperation,
    WorkerpoolOrder,
    WorkerpoolOrderOperation
} from "./Types.sol";
import {IOwned} from "./interfaces.sol";
import {OrderHash} from "./OrderHash.sol";
import {Signatures} from "./Signatures.sol";

/// Orders outside of a match: signed or closed by transaction, broadcast, and the questions about signatures.
abstract contract Orders is Signatures {
    using OrderHash for *;

    event SignedAppOrder(bytes32 appHash);
    event SignedDatasetOrder(bytes32 datasetHash);
    event SignedWorkerpoolOrder(bytes32 workerpoolHash);
    event SignedRequestOrder(bytes32 requestHash);
    event ClosedAppOrder(bytes32 appHash);
    event ClosedDatasetOrder(bytes32 datasetHash);
    event ClosedWorkerpoolOrder(bytes32 workerpoolHash);
    event ClosedRequestOrder(bytes32 requestHash);
    event BroadcastAppOrder(AppOrder apporder);
    event BroadcastDatasetOrder(DatasetOrder datasetorder);
    event BroadcastWorkerpoolOrder(WorkerpoolOrder workerpoolorder);
    event BroadcastRequestOrder(RequestOrder requestorder);

    function manageAppOrder(AppOrderOperation calldata operation) external {
        AppOrder calldata order = operation.order;
        bytes32 separator = OrderHash.domainSeparator();
        bytes32 digest = separator.typed(order.hash());
        address owner = IOwned(order.app).owner();
        _requireSenderOrSigned(owner, separator.typed(operation.hash()), operation.sign);
        if (_apply(operation.operation, digest, owner, order.volume)) emit SignedAppOrder(digest);
        else emit ClosedAppOrder(digest);
    }

    function manageDatasetOrder(DatasetOrderOperation calldata operation) external {
        DatasetOrder calldata order = operation.order;
        bytes32 separator = OrderHash.domainSeparator();
        bytes32 digest = separator.typed(order.hash());
        address owner = IOwned(order.dataset).owner();
        _requireSenderOrSigned(owner, separator.typed(operation.hash()), operation.sign);
        if (_apply(operation.operation, digest, owner, order.volume)) emit SignedDatasetOrder(digest);
        else emit ClosedDatasetOrder(digest);
    }

    function manageWorkerpoolOrder(WorkerpoolOrderOperation calldata operation) external {
        WorkerpoolOrder calldata order = operation.order;
        bytes32 separator = OrderHash.domainSeparator();
        bytes32 digest = separator.typed(order.hash());
        address owner = IOwned(order.workerpool).owner();
        _requireSenderOrSigned(owner, separator.typed(operation.hash()), operation.sign);
        if (_apply(operation.operation, digest, owner, order.volume)) emit SignedWorkerpoolOrder(digest);
        else emit ClosedWorkerpoolOrder(digest);
    }

    function manageRequestOrder(RequestOrderOperation calldata operation) external {
        RequestOrder calldata order = operation.order;
        bytes32 separator = OrderHash.domainSeparator();
        bytes32 digest = separator.typed(order.hash());
        _requireSenderOrSigned(order.requester, separator.typed(operation.hash()), operation.sign);
        if (_apply(operation.operation, digest, order.requester, order.volume)) emit SignedRequestOrder(digest);
        else emit ClosedRequestOrder(digest);
    }

    function broadcastAppOrder(AppOrder calldata order) external {
        emit BroadcastAppOrder(order);
    }

    function broadcastDatasetOrder(DatasetOrder calldata order) external {
        emit BroadcastDatasetOrder(order);
    }

    function broadcastWorkerpoolOrder(WorkerpoolOrder calldata order) external {
        emit BroadcastWorkerpoolOrder(order);
    }

    function broadcastRequestOrder(RequestOrder calldata order) external {
        emit BroadcastRequestOrder(order);
    }

    function verifySignature(address account, bytes32 digest, bytes calldata sign) external view returns (bool) {
        return _signed(account, digest, sign);
    }

    function verifyPresignature(address account, bytes32 digest) external view returns (bool) {
        return _presignedBy(account, digest);
    }

    function verifyPresignatureOrSignature(address account, bytes32 digest, bytes calldata sign)
        external
        view
        returns (bool)
    {
        return _presignedOrSigned(account, digest, sign);
    }

    function _requireSenderOrSigned(address account, bytes32 digest, bytes calldata sign) private view {
        require(msg.sender == account || _signed(account, digest, sign), "invalid-sender-or-signature");
    }

    /// Returns whether the order was signed; otherwise it was closed, for good.
    function _apply(OrderOperation operation, bytes32 digest, address signer, uint256 volume) private returns (bool) {
        if (operation == OrderOperation.SIGN) {
            _presigned[digest] = signer;
            return true;
        }
        _consumed[digest] = volume;
        return false;
    }
}
