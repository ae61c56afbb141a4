/** Hooks of every test file, also of those that share a process. */
import { afterEach } from 'vitest';
import { endTest } from './each-test.js';

afterEach(endTest);
