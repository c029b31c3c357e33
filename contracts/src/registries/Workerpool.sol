// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRegistry, IWorkerpool} from "../interfaces.sol";
import {Asset} from "./Asset.sol";
import {Registry} from "./Registry.sol";

/// A workerpool: providers under one scheduler, its owner, and the terms between them.
contract Workerpool is Asset, IWorkerpool {
    struct Policy {
        bool changed; // before the first change the defaults hold, and cost no storage
        uint8 schedulerRewardRatio;
        uint240 workerStakeRatio;
    }

    uint240 private constant DEFAULT_WORKER_STAKE_RATIO = 30;
    uint8 private constant DEFAULT_SCHEDULER_REWARD_RATIO = 1;

    Policy private _policy;

    event PolicyUpdate(
        uint256 oldWorkerStakeRatioPolicy,
        uint256 newWorkerStakeRatioPolicy,
        uint256 oldSchedulerRewardRatioPolicy,
        uint256 newSchedulerRewardRatioPolicy
    );

    constructor(IRegistry registry_) Asset(registry_) {}

    /// A workerpool is born with its description.
    function initialize(string calldata) external pure {
        revert("already initialized");
    }

    /// In percent: what a worker stakes of the workerpool's price, and what the scheduler keeps of it.
    function changePolicy(uint256 newWorkerStakeRatioPolicy, uint256 newSchedulerRewardRatioPolicy)
        external
        onlyOwner
    {
        require(newSchedulerRewardRatioPolicy <= 100);
        require(newWorkerStakeRatioPolicy <= type(uint240).max);
        emit PolicyUpdate(
            m_workerStakeRatioPolicy(),
            newWorkerStakeRatioPolicy,
            m_schedulerRewardRatioPolicy(),
            newSchedulerRewardRatioPolicy
        );
        _policy = Policy(true, uint8(newSchedulerRewardRatioPolicy), uint240(newWorkerStakeRatioPolicy));
    }

    function m_workerStakeRatioPolicy() public view returns (uint256) {
        return _policy.changed ? _policy.workerStakeRatio : DEFAULT_WORKER_STAKE_RATIO;
    }

    function m_schedulerRewardRatioPolicy() public view returns (uint256) {
        return _policy.changed ? _policy.schedulerRewardRatio : DEFAULT_SCHEDULER_REWARD_RATIO;
    }

    function m_workerpoolDescription() external view returns (string memory) {
        return abi.decode(_description(), (string));
    }
}

contract WorkerpoolRegistry is Registry {
    constructor(address owner_)
        Registry(owner_, address(new Workerpool(this)), "iExec Workerpool Registry (V5)", "iExecWorkerpoolV5")
    {}

    function createWorkerpool(address workerpoolOwner, string calldata workerpoolDescription)
        external
        returns (address)
    {
        bytes memory description = abi.encode(workerpoolDescription);
        return _create(workerpoolOwner, description, _salt(workerpoolOwner, description));
    }

    function predictWorkerpool(address workerpoolOwner, string calldata workerpoolDescription)
        external
        view
        returns (address)
    {
        bytes memory description = abi.encode(workerpoolDescription);
        return _predict(description, _salt(workerpoolOwner, description));
    }

    function _salt(address workerpoolOwner, bytes memory description) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(Workerpool.initialize.selector, description, workerpoolOwner));
    }
}
