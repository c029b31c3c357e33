// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Enumerable} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Enumerable.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IOwned, IRegistry} from "../interfaces.sol";

/// Assets as non-fungible tokens (ERC-721): whoever holds the token `uint160(asset)` owns the asset.
///
/// An asset is a minimal proxy (EIP-1167) to `master`, with what describes the asset appended to its code, at an
/// address that follows from that description and its first owner (CREATE2).
abstract contract Registry is ERC721Enumerable, IRegistry, IOwned {
    address public immutable master;
    address public owner;
    bool public initialized;
    IRegistry public previous;
    string public baseURI;

    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    modifier onlyOwner() {
        require(msg.sender == owner, "Ownable: caller is not the owner");
        _;
    }

    constructor(address owner_, address master_, string memory name_, string memory symbol_) ERC721(name_, symbol_) {
        master = master_;
        _setOwner(owner_);
    }

    /// Once: names the registry before this one, whose assets are known here too; zero for none.
    function initialize(address previous_) external onlyOwner {
        require(!initialized);
        initialized = true;
        previous = IRegistry(previous_);
    }

    function setBaseURI(string calldata baseUri) external onlyOwner {
        baseURI = baseUri;
    }

    /// Part of the interface from the time when registries had ENS names.
    function setName(address, string calldata) external view onlyOwner {
        revert("Operation not supported on this chain");
    }

    function transferOwnership(address newOwner) external onlyOwner {
        require(newOwner != address(0), "Ownable: new owner is the zero address");
        _setOwner(newOwner);
    }

    function renounceOwnership() external onlyOwner {
        _setOwner(address(0));
    }

    function isRegistered(address entry) public view returns (bool) {
        return _ownerOf(_tokenId(entry)) != address(0)
            || (address(previous) != address(0) && previous.isRegistered(entry));
    }

    function registeredOwner(address entry) external view returns (address holder) {
        holder = _ownerOf(_tokenId(entry));
        if (holder == address(0) && isRegistered(entry)) holder = IOwned(entry).owner();
    }

    /// The code an asset begins with; its description follows.
    function proxyCode() public view returns (bytes memory) {
        return abi.encodePacked(hex"363d3d373d3d3d363d73", master, hex"5af43d82803e903d91602b57fd5bf3");
    }

    function proxyCodeHash() external view returns (bytes32) {
        return keccak256(proxyCode());
    }

    function ownerOf(uint256 tokenId) public view override(ERC721, IERC721, IRegistry) returns (address) {
        return super.ownerOf(tokenId);
    }

    function _create(address holder, bytes memory description, bytes32 salt) internal returns (address entry) {
        require(_predict(description, salt).code.length == 0, "Create2: Failed on deploy");
        entry = Clones.cloneDeterministicWithImmutableArgs(master, description, salt);
        _mint(holder, _tokenId(entry));
    }

    function _predict(bytes memory description, bytes32 salt) internal view returns (address) {
        return Clones.predictDeterministicAddressWithImmutableArgs(master, description, salt);
    }

    function _baseURI() internal view override returns (string memory) {
        return baseURI;
    }

    function _setOwner(address newOwner) private {
        emit OwnershipTransferred(owner, newOwner);
        owner = newOwner;
    }

    function _tokenId(address entry) private pure returns (uint256) {
        return uint256(uint160(entry));
    }
}
