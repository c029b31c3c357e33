// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AppOrder,
    AppOrderOperation,
    DatasetOrder,
    DatasetOrderOperation,
    RequestOrder,
    RequestOrderOperation,
    WorkerpoolOrder,
    WorkerpoolOrderOperation
} from "./Types.sol";

/// EIP-712 hashes of orders. The domain is PoCo's, name and version included, so that its clients can sign.
library OrderHash {
    string internal constant DOMAIN_NAME = "iExecODB";
    string internal constant DOMAIN_VERSION = "5.0.0";

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    bytes private constant APP =
        "AppOrder(address app,uint256 appprice,uint256 volume,bytes32 tag,address datasetrestrict,address workerpoolrestrict,address requesterrestrict,bytes32 salt)";
    bytes private constant DATASET =
        "DatasetOrder(address dataset,uint256 datasetprice,uint256 volume,bytes32 tag,address apprestrict,address workerpoolrestrict,address requesterrestrict,bytes32 salt)";
    bytes private constant WORKERPOOL =
        "WorkerpoolOrder(address workerpool,uint256 workerpoolprice,uint256 volume,bytes32 tag,uint256 category,uint256 trust,address apprestrict,address datasetrestrict,address requesterrestrict,bytes32 salt)";
    bytes private constant REQUEST =
        "RequestOrder(address app,uint256 appmaxprice,address dataset,uint256 datasetmaxprice,address workerpool,uint256 workerpoolmaxprice,address requester,uint256 volume,bytes32 tag,uint256 category,uint256 trust,address beneficiary,address callback,string params,bytes32 salt)";

    bytes32 private constant APP_TYPE = keccak256(APP);
    bytes32 private constant DATASET_TYPE = keccak256(DATASET);
    bytes32 private constant WORKERPOOL_TYPE = keccak256(WORKERPOOL);
    bytes32 private constant REQUEST_TYPE = keccak256(REQUEST);
    bytes32 private constant APP_OPERATION_TYPE =
        keccak256(abi.encodePacked("AppOrderOperation(AppOrder order,uint256 operation)", APP));
    bytes32 private constant DATASET_OPERATION_TYPE =
        keccak256(abi.encodePacked("DatasetOrderOperation(DatasetOrder order,uint256 operation)", DATASET));
    bytes32 private constant WORKERPOOL_OPERATION_TYPE =
        keccak256(abi.encodePacked("WorkerpoolOrderOperation(WorkerpoolOrder order,uint256 operation)", WORKERPOOL));
    bytes32 private constant REQUEST_OPERATION_TYPE =
        keccak256(abi.encodePacked("RequestOrderOperation(RequestOrder order,uint256 operation)", REQUEST));

    /// Of this chain as it is now: a fork of the chain leaves no order of the other side valid.
    function domainSeparator() internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                DOMAIN_TYPE,
                keccak256(bytes(DOMAIN_NAME)),
                keccak256(bytes(DOMAIN_VERSION)),
                block.chainid,
                address(this)
            )
        );
    }

    function typed(bytes32 separator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }

    function hash(AppOrder calldata o) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                APP_TYPE,
                o.app,
                o.appprice,
                o.volume,
                o.tag,
                o.datasetrestrict,
                o.workerpoolrestrict,
                o.requesterrestrict,
                o.salt
            )
        );
    }

    function hash(DatasetOrder calldata o) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                DATASET_TYPE,
                o.dataset,
                o.datasetprice,
                o.volume,
                o.tag,
                o.apprestrict,
                o.workerpoolrestrict,
                o.requesterrestrict,
                o.salt
            )
        );
    }

    function hash(WorkerpoolOrder calldata o) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                WORKERPOOL_TYPE,
                o.workerpool,
                o.workerpoolprice,
                o.volume,
                o.tag,
                o.category,
                o.trust,
                o.apprestrict,
                o.datasetrestrict,
                o.requesterrestrict,
                o.salt
            )
        );
    }

    function hash(RequestOrder calldata o) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                REQUEST_TYPE,
                o.app,
                o.appmaxprice,
                o.dataset,
                o.datasetmaxprice,
                o.workerpool,
                o.workerpoolmaxprice,
                o.requester,
                o.volume,
                o.tag,
                o.category,
                o.trust,
                o.beneficiary,
                o.callback,
                keccak256(bytes(o.params)),
                o.salt
            )
        );
    }

    function hash(AppOrderOperation calldata o) internal pure returns (bytes32) {
        return keccak256(abi.encode(APP_OPERATION_TYPE, hash(o.order), o.operation));
    }

    function hash(DatasetOrderOperation calldata o) internal pure returns (bytes32) {
        return keccak256(abi.encode(DATASET_OPERATION_TYPE, hash(o.order), o.operation));
    }

    function hash(WorkerpoolOrderOperation calldata o) internal pure returns (bytes32) {
        return keccak256(abi.encode(WORKERPOOL_OPERATION_TYPE, hash(o.order), o.operation));
    }

    function hash(RequestOrderOperation calldata o) internal pure returns (bytes32) {
        return keccak256(abi.encode(REQUEST_OPERATION_TYPE, hash(o.order), o.operation));
    }
}
