// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Category} from "./Types.sol";
import {DEFAULT_CALLBACK_GAS} from "./Rules.sol";
import {IRegistry, IScoreSource} from "./interfaces.sol";
import {Store} from "./Store.sol";

/// What the owner may do: set the hub up once; then add categories, set the callbacks' gas and the TEE broker, pass
/// the ownership on or give it up. None of it reaches the money of others.
abstract contract Configuration is Store {
    using SafeCast for uint256;

    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
    event CreateCategory(uint256 catid, string name, string description, uint256 workClockTimeRef);

    error NotContractOwner(address account, address owner);
    /// Whoever can exchange a registry decides who is paid for every app and every dataset. Nobody can.
    error RegistriesAreFinal();

    modifier onlyOwner() {
        require(msg.sender == _owner, "Ownable: caller is not the owner");
        _;
    }

    function configure(
        address token,
        string calldata name,
        string calldata symbol,
        uint8 decimals,
        address appregistry,
        address datasetregistry,
        address workerpoolregistry,
        address scoreSource
    ) external onlyOwner {
        require(!_configured, "already-configured");
        _configured = true;
        _token = IERC20(token);
        _name = name;
        _symbol = symbol;
        _decimals = decimals;
        _appRegistry = IRegistry(appregistry);
        _datasetRegistry = IRegistry(datasetregistry);
        _workerpoolRegistry = IRegistry(workerpoolregistry);
        _scoreSource = IScoreSource(scoreSource);
        _callbackGas = DEFAULT_CALLBACK_GAS;
    }

    function changeRegistries(address, address, address) external view onlyOwner {
        revert RegistriesAreFinal();
    }

    /// Nothing to do: the separator is computed whenever it is used.
    function updateDomainSeparator() external view {
        require(_configured, "not-configured");
    }

    function createCategory(string calldata name, string calldata description, uint256 workClockTimeRef)
        external
        onlyOwner
        returns (uint256 catid)
    {
        catid = _categories.length;
        _categories.push(Category(name, description, workClockTimeRef));
        emit CreateCategory(catid, name, description, workClockTimeRef);
    }

    function setTeeBroker(address broker) external onlyOwner {
        _teeBroker = broker;
    }

    function setCallbackGas(uint256 gas) external onlyOwner {
        _callbackGas = gas;
    }

    function transferOwnership(address newOwner) external {
        if (msg.sender != _owner) revert NotContractOwner(msg.sender, _owner);
        _setOwner(newOwner);
    }

    function renounceOwnership() external {
        if (msg.sender != _owner) revert NotContractOwner(msg.sender, _owner);
        _setOwner(address(0));
    }

    /// Takes a worker's score over from the hub before this one, once, when it is the better of the two.
    function importScore(address worker) external {
        require(!_scoreImported[worker], "score-already-imported");
        uint256 score = Math.max(_ledgers[worker].score, _scoreSource.viewScore(worker));
        _ledgers[worker].score = score.toUint32();
        _scoreImported[worker] = true;
    }

    function _setOwner(address owner) private {
        emit OwnershipTransferred(_owner, owner);
        _owner = owner;
    }
}
