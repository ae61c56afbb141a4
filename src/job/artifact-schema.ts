/** Inputs, outputs and configuration file of a definition. */
import { z } from 'zod';
import { expectedText } from '../base/expected-text.js';
import { lazy } from '../base/lazy.js';
import { checkPathTemplate } from '../base/path-template.js';
import {
  absolutePath,
  artifactId,
  boundedText,
  checkedText,
  mountId,
  mountTarget,
  relativePath,
} from './text-rules.js';

const NODE_ID_RULE = 'must be a positive integer or 1 to 64 characters';

const nodeId = lazy(() =>
  z.union([z.int().positive({ error: NODE_ID_RULE }), boundedText(1, 64)], {
    error: NODE_ID_RULE,
  }),
);

/** Bounded again over all inputs together. */
const inlineContent = lazy(() =>
  z.string({ error: expectedText() }).max(1024 ** 2 * 2, 'must not be longer than 1 MiB'),
);

const source = lazy(() =>
  z.discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('filestorePath'), backendMountId: mountId(), path: absolutePath() }),
      z.strictObject({ type: z.literal('filestoreNode'), nodeId: nodeId() }),
      z.strictObject({
        type: z.literal('inline'),
        content: inlineContent(),
        encoding: z.enum(['utf8', 'base64'], { error: 'must be "utf8" or "base64"' }).optional(),
      }),
    ],
    { error: 'must be of type "filestorePath", "filestoreNode" or "inline"' },
  ),
);

const optional = lazy(() => z.boolean({ error: 'must be true or false' }).optional());

/** One input. */
export const input = lazy(() =>
  z.strictObject({
    id: artifactId().optional(),
    source: source(),
    workspacePath: relativePath(),
    mountPath: mountTarget().optional(),
    optional: optional(),
    writable: z
      .literal(false, { error: 'Input mounts are read-only; set writable=false or omit the field' })
      .optional(),
  }),
);

/** How an output is published. */
export const upload = lazy(() =>
  z.strictObject({
    backendMountId: mountId(),
    pathTemplate: checkedText((template) => {
      if (template.length < 1 || template.length > 1024) return 'must have 1 to 1024 characters';
      if (template.includes('..')) return 'must not hold ".."';
      return checkPathTemplate(template);
    }),
    // It becomes a header of a request to some storages.
    contentType: boundedText(1, 200)
      .refine((type) => /^[ -~]*$/.test(type), 'must be printable ASCII')
      .optional(),
    mode: z.enum(['file', 'directory'], { error: 'must be "file" or "directory"' }).optional(),
    overwrite: z.boolean({ error: 'must be true or false' }).optional(),
  }),
);

/** One output. */
export const output = lazy(() =>
  z.strictObject({
    id: artifactId().optional(),
    workspacePath: relativePath(),
    upload: z
      .union([z.literal('caller'), upload()], {
        error: 'must be { backendMountId, pathTemplate, … } or "caller"',
      })
      .optional(),
    optional: optional(),
    when: z
      .enum(['success', 'failure', 'always'], { error: 'must be "success", "failure" or "always"' })
      .optional(),
    specialFiles: z.enum(['skip', 'refuse'], { error: 'must be "skip" or "refuse"' }).optional(),
  }),
);

/** The configuration file. */
export const configFile = lazy(() =>
  z.strictObject({
    filename: relativePath(),
    mountPath: mountTarget().optional(),
    format: z
      .enum(['json', 'yaml', 'text', 'binary'], { error: 'must be "json", "yaml", "text" or "binary"' })
      .optional(),
  }),
);
