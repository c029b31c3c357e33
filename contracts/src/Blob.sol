// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";

/// Bytes kept as the code of a contract: 200 gas a byte to write where storage takes 690, and one cold access to
/// read, whatever the size. The code starts with STOP, so it can never run.
///
/// The constructor takes no argument but asks its maker for the bytes. All blobs of a maker thus share one creation
/// code, and the address of a blob (CREATE2) follows from its salt alone: no storage slot has to remember it.
contract Blob {
    constructor() {
        bytes memory data = IBlobMaker(msg.sender).blobInTheMaking();
        assembly ("memory-safe") {
            let length := mload(data)
            mstore8(add(data, 31), 0) // STOP, over the last byte of the length
            return(add(data, 31), add(length, 1))
        }
    }
}

interface IBlobMaker {
    /// What goes into the blob that this contract is making right now; empty at any other time.
    function blobInTheMaking() external view returns (bytes memory);
}

/// Makes and finds the blobs of the calling contract.
abstract contract BlobMaker is IBlobMaker {
    // Transient slots: the length, then the words. They need no namespace: nothing else here is transient but
    // OpenZeppelin's reentrancy lock, which sits at the hash of its name.
    uint256 private constant STASH = uint256(keccak256("canut.blob")) & ~uint256(0xffff);

    /// The longest a blob can be: one byte of a contract's code (EIP-170) is the STOP.
    uint256 internal constant LONGEST_BLOB = 24_575;

    function _makeBlob(bytes32 salt, bytes memory data) internal returns (address blob) {
        _stash(data);
        blob = Create2.deploy(0, salt, type(Blob).creationCode);
        _stash("");
    }

    function _blobAt(bytes32 salt) internal view returns (address) {
        return Create2.computeAddress(salt, keccak256(type(Blob).creationCode));
    }

    /// What a blob holds; nothing where there is none.
    function _readBlob(bytes32 salt) internal view returns (bytes memory data) {
        address blob = _blobAt(salt);
        if (blob.code.length == 0) return data;
        data = new bytes(blob.code.length - 1);
        assembly ("memory-safe") {
            extcodecopy(blob, add(data, 32), 1, mload(data))
        }
    }

    function blobInTheMaking() external view returns (bytes memory data) {
        uint256 stash = STASH;
        assembly ("memory-safe") {
            data := mload(0x40)
            let length := tload(stash)
            mstore(data, length)
            let words := shr(5, add(length, 31))
            for { let i := 1 } iszero(gt(i, words)) { i := add(i, 1) } {
                mstore(add(data, shl(5, i)), tload(add(stash, i)))
            }
            mstore(0x40, add(data, shl(5, add(words, 1))))
        }
    }

    function _stash(bytes memory data) private {
        uint256 stash = STASH;
        assembly ("memory-safe") {
            let length := mload(data)
            tstore(stash, length)
            let words := shr(5, add(length, 31))
            for { let i := 1 } iszero(gt(i, words)) { i := add(i, 1) } {
                tstore(add(stash, i), mload(add(data, shl(5, i))))
            }
        }
    }
}
