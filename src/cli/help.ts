export const HELP = `hopscope: Linux and Kubernetes networking, computed packet by packet

  hopscope run FILE             run a lab (*.yaml) or a shell script (*.sh): each step with its output, then the packets' journeys.
                                A script runs on a machine “host” with eth0 on a small Internet (8.8.8.8, 1.1.1.1, example.com ...).
      --record OUT.json         also write the record: every frame, and every table after each step (“-” for standard output)
      --pcap DIR                also write what each device saw as a pcapng file for Wireshark
      --json                    print JSON instead of text
      --granularity LEVEL       how closely the journeys are told: wire, stack (default) or rules
      --functions               name the Linux function of each step
      --quiet                   print only what is wrong
  hopscope verify FILE...       run labs or scripts in the simulator and on this computer's kernel (as root): print where they differ
      --record DIR              also write both records there
  hopscope lint FILE...         name every command, option and construct of labs or shell scripts that is not simulated
  hopscope --help               this text

FILE may be a pattern that the shell does not expand: "scenarios/**/*.yaml".
Exit codes: 0 all is well; 1 it ran, but something is not as the lab says, differs from the kernel, or is not simulated;
2 it could not be done: a wrong option, a file that cannot be read or is no lab, no root.
`;
