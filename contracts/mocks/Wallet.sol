// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// A contract account (ERC-1271) that signs a digest by appending nothing to it: its signature of `digest` is the digest.
/// Whoever deployed it may make it call anything.
contract Wallet {
    address private immutable OWNER = msg.sender;

    function isValidSignature(bytes32 digest, bytes calldata signature) external pure returns (bytes4) {
        return keccak256(signature) == keccak256(abi.encode(digest)) ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }

    function execute(address target, bytes calldata data) external returns (bytes memory) {
        require(msg.sender == OWNER, "not the wallet's owner");
        (bool done, bytes memory answer) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        return answer;
    }

    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC721Received.selector;
    }
}

/// An account that answers every question about signatures, groups and results with a revert.
contract Refuser {
    error Refused();

    fallback() external {
        revert Refused();
    }
}

/// An account that answers every question with two bytes.
contract Mumbler {
    fallback(bytes calldata) external returns (bytes memory) {
        return hex"1626";
    }
}

/// An account that answers every question with a word of ones: neither a boolean nor a selector.
contract Liar {
    fallback(bytes calldata) external returns (bytes memory) {
        return abi.encode(type(uint256).max);
    }
}
