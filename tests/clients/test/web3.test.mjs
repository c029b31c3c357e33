import script from '../scripts/web3_py.mjs';
import { compare } from '../lib/suite.mjs';

compare('web3.py', script);
