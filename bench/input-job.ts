/** A job that does nothing with one file of the storage `files`. It measures nothing. */
import { basename } from 'node:path';

/** Its definition. */
export const inputJob = (image: string, path: string): unknown => ({
  docker: {
    image,
    command: ['true'],
    inputs: [
      {
        source: { type: 'filestorePath', backendMountId: 'files', path: `/${basename(path)}` },
        workspacePath: 'input.bin',
      },
    ],
  },
});
