import script from '../scripts/ethers.mjs';
import { compare } from '../lib/suite.mjs';

compare('ethers', script);
