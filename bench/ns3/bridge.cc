// Hosts on one bridge, each sends UDP echoes to the next one: the reference for the simulator's own bridge.
// Usage: bridge HOSTS ECHOES TRACE(0|1). Prints: transmissions seconds
#include <chrono>
#include <iostream>
#include "ns3/applications-module.h"
#include "ns3/bridge-module.h"
#include "ns3/core-module.h"
#include "ns3/csma-module.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"

using namespace ns3;

int main(int argc, char **argv) {
  const uint32_t hosts = std::stoul(argv[1]);
  const uint32_t echoes = std::stoul(argv[2]);
  const bool trace = argc > 3 && argv[3][0] == '1';
  NodeContainer nodes;
  nodes.Create(hosts);
  NodeContainer lan;
  lan.Create(1);
  CsmaHelper csma;
  csma.SetChannelAttribute("DataRate", StringValue("10Gbps"));
  csma.SetChannelAttribute("Delay", TimeValue(NanoSeconds(1000)));
  NetDeviceContainer ends, ports;
  for (uint32_t i = 0; i < hosts; i++) {
    NetDeviceContainer pair = csma.Install(NodeContainer(nodes.Get(i), lan.Get(0)));
    ends.Add(pair.Get(0));
    ports.Add(pair.Get(1));
  }
  BridgeHelper bridge;
  bridge.Install(lan.Get(0), ports);
  InternetStackHelper stack;
  stack.Install(nodes);
  Ipv4AddressHelper address;
  address.SetBase("10.0.0.0", "255.255.0.0");
  Ipv4InterfaceContainer interfaces = address.Assign(ends);
  UdpEchoServerHelper server(9);
  server.Install(nodes).Start(Seconds(0));
  for (uint32_t i = 0; i < hosts; i++) {
    UdpEchoClientHelper client(interfaces.GetAddress((i + 1) % hosts), 9);
    client.SetAttribute("MaxPackets", UintegerValue(echoes));
    client.SetAttribute("Interval", TimeValue(MilliSeconds(1)));
    client.SetAttribute("PacketSize", UintegerValue(56));
    client.Install(nodes.Get(i)).Start(Seconds(1) + MicroSeconds(i * 10));
  }
  if (trace) {
    AsciiTraceHelper ascii;
    csma.EnableAsciiAll(ascii.CreateFileStream("/dev/null"));
  }
  const auto begin = std::chrono::steady_clock::now();
  Simulator::Stop(Seconds(2 + echoes / 1000.0));
  Simulator::Run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::cout << 4ull * hosts * echoes << " " << took.count() << std::endl;
  Simulator::Destroy();
}
