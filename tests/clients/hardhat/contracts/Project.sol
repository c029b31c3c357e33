// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {VestingWallet} from "@openzeppelin/contracts/finance/VestingWallet.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

contract Token is ERC20, ERC20Permit, AccessControl {
    bytes32 public constant MINTER = keccak256("MINTER");

    constructor(address admin) ERC20("Project", "PRJ") ERC20Permit("Project") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    function mint(address to, uint256 amount) external onlyRole(MINTER) {
        _mint(to, amount);
    }
}

contract Deed is ERC721 {
    constructor() ERC721("Deed", "DEED") {}

    function claim(uint256 id) external {
        _safeMint(msg.sender, id);
    }
}

contract Timelock is TimelockController {
    constructor(uint256 delay, address[] memory who) TimelockController(delay, who, who, address(0)) {}
}

contract Vesting is VestingWallet {
    constructor(address to, uint64 start, uint64 duration) VestingWallet(to, start, duration) {}
}
