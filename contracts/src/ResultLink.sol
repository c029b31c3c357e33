// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

/// Where the result of a task in a certified directory is, in the words of iExec's clients.
library ResultLink {
    bytes32 private constant ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
    // A directory of more entries has two levels: 1 024 to a folder.
    uint256 private constant LARGEST_FLAT = 2_048;
    uint256 private constant FOLDER = 1_024;

    /// The part that all tasks of the directory have in common.
    function head(bytes32 link) internal pure returns (bytes memory) {
        return abi.encodePacked('{"storage":"ipfs","location":"/ipfs/bafybei', _base32(link), "/");
    }

    function place(bytes memory head_, uint256 index, uint256 count) internal pure returns (bytes memory) {
        string memory folder =
            count > LARGEST_FLAT ? string.concat(Strings.toString(index / FOLDER), "/") : "";
        return abi.encodePacked(head_, folder, Strings.toString(index), '"}');
    }

    /// The text of a CID (version 1, dag-pb, sha2-256) after "bafybei": base32 of two bits of the prefix and the hash.
    function _base32(bytes32 hash) private pure returns (bytes memory text) {
        text = new bytes(52);
        bytes32 alphabet = ALPHABET;
        assembly ("memory-safe") {
            let at := add(text, 32)
            mstore8(at, byte(shr(253, hash), alphabet))
            for { let bits := 3 } lt(bits, 256) { bits := add(bits, 5) } {
                at := add(at, 1)
                mstore8(at, byte(shr(251, shl(bits, hash)), alphabet))
            }
        }
    }
}
