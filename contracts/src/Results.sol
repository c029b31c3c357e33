// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BlobMaker} from "./Blob.sol";
import {Store, TaskRecord} from "./Store.sol";

/// What a finished task leaves on chain: its results (usually a link) and the bytes for its callback. Up to 31 bytes
/// share one slot with their length; what is longer is cheaper as a blob, while it fits.
abstract contract Results is BlobMaker, Store {
    event TaskFinalize(bytes32 indexed taskid, bytes results);

    function _keepResults(bytes32 taskid, bytes calldata results, bytes calldata resultsCallback) internal {
        TaskRecord storage task = _tasks[taskid];
        if (_isForBlob(results)) _makeBlob(_resultsSalt(taskid), results);
        else if (results.length > 0) task.results = results;
        _keepCallback(taskid, resultsCallback);
    }

    function _keepCallback(bytes32 taskid, bytes calldata resultsCallback) internal {
        if (_isForBlob(resultsCallback)) _makeBlob(_callbackSalt(taskid), resultsCallback);
        else if (resultsCallback.length > 0) _tasks[taskid].resultsCallback = resultsCallback;
    }

    function _results(bytes32 taskid) internal view returns (bytes memory) {
        bytes memory kept = _tasks[taskid].results;
        return kept.length > 0 ? kept : _readBlob(_resultsSalt(taskid));
    }

    function _resultsCallback(bytes32 taskid) internal view returns (bytes memory) {
        bytes memory kept = _tasks[taskid].resultsCallback;
        return kept.length > 0 ? kept : _readBlob(_callbackSalt(taskid));
    }

    function _isForBlob(bytes calldata data) private pure returns (bool) {
        return data.length > 31 && data.length <= LONGEST_BLOB;
    }

    // Apart from each other, and from a deal's salt, which is the hash of two words.
    function _resultsSalt(bytes32 taskid) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(taskid, "results"));
    }

    function _callbackSalt(bytes32 taskid) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(taskid, "callback"));
    }
}
