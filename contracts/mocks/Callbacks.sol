// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// Keeps the results it is told (ERC-1154).
contract Listener {
    event GotResult(bytes32 indexed id, bytes result);

    mapping(bytes32 id => bytes) public store;

    function receiveResult(bytes32 id, bytes calldata result) external {
        store[id] = result;
        emit GotResult(id, result);
    }
}

/// Burns all the gas it is given.
contract Burner {
    uint256 public counter;

    function receiveResult(bytes32, bytes calldata) external {
        while (true) ++counter;
    }
}

/// Answers with a heap of data, for the caller to copy.
contract Babbler {
    function receiveResult(bytes32, bytes calldata) external pure {
        assembly ("memory-safe") {
            return(0, 30000)
        }
    }
}

/// Calls somebody back whenever it is called, and remembers what came of it.
contract Echo {
    address private target;
    bytes private data;
    uint256 public calls;
    uint256 public successes;

    function prepare(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    fallback(bytes calldata) external returns (bytes memory) {
        ++calls;
        (bool done,) = target.call(data);
        if (done) ++successes;
        return abi.encode(true);
    }
}
