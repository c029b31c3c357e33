import script from '../scripts/viem.mjs';
import { compare } from '../lib/suite.mjs';

compare('viem', script);
