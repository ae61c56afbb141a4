/**
 * Modules of Node's own that are loaded when they are first needed, and not with an import of this package: they take as long as much of the
 * rest, and whoever only judges definitions needs none of them.
 */
import { lazy } from '../../base/lazy.js';
import { thisProcess } from '../../host/this-process.js';

export const http = lazy(() => thisProcess.getBuiltinModule('node:http'));
export const https = lazy(() => thisProcess.getBuiltinModule('node:https'));
export const net = lazy(() => thisProcess.getBuiltinModule('node:net'));
export const childProcess = lazy(() => thisProcess.getBuiltinModule('node:child_process'));
