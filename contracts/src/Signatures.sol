// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Store} from "./Store.sol";

/// Who signed what: a key (ECDSA, in 65 bytes or in the 64 of EIP-2098), a contract (ERC-1271), or, for an order, its
/// signer's earlier transaction (presignature).
abstract contract Signatures is Store {
    /// Reverts when `account` is no contract and the signature has a length no key makes.
    function _signed(address account, bytes32 digest, bytes calldata sign) internal view returns (bool) {
        if (account.code.length == 0) return _signedByKey(account, digest, sign);
        try IERC1271(account).isValidSignature(digest, sign) returns (bytes4 answer) {
            return answer == IERC1271.isValidSignature.selector;
        } catch {
            return false;
        }
    }

    function _presignedBy(address account, bytes32 digest) internal view returns (bool) {
        return account != address(0) && account == _presigned[digest];
    }

    /// A presignature makes any signature good, a malformed one too. It costs a cold storage read, so a signature that
    /// is likely enough is looked at before.
    function _presignedOrSigned(address account, bytes32 digest, bytes calldata sign) internal view returns (bool) {
        if (sign.length == 65 || sign.length == 64) {
            return _signed(account, digest, sign) || _presignedBy(account, digest);
        }
        return _presignedBy(account, digest) || _signed(account, digest, sign);
    }

    function _signedByKey(address account, bytes32 digest, bytes calldata sign) private pure returns (bool) {
        address signer;
        if (sign.length == 65) {
            (signer,,) = ECDSA.tryRecoverCalldata(digest, sign);
        } else if (sign.length == 64) {
            (signer,,) = ECDSA.tryRecover(digest, bytes32(sign[:32]), bytes32(sign[32:]));
        } else {
            revert("invalid-signature-format");
        }
        return signer == account && signer != address(0);
    }
}
