import script from '../scripts/cast.mjs';
import { compare } from '../lib/suite.mjs';

compare('cast', script);
